import assert from 'node:assert/strict'
import test from 'node:test'
import { endpointSlices, pods, type ServiceSpec, services } from '#api'
import { nullLog } from '#base'
import { Informers } from '#client'
import { startTestCluster } from '#testing'
import { ServiceIndex } from './service-index.ts'
import { Zone } from './zone.ts'

const labels = { app: 'db' }

test('names of Services of two families have addresses of both', async () => {
  await using cluster = await startTestCluster({ transport: 'in process', nodes: 1, isDualStack: true })
  const { client, clock, random } = cluster
  await using sources = new Informers({ client, clock, random, log: nullLog })
  const index = new ServiceIndex()
  using _services = sources.for(services).onChange((change) => index.service(change))
  using _slices = sources.for(endpointSlices).onChange((change) => index.slice(change))
  const create = (name: string, spec: ServiceSpec) =>
    client.create(services, {
      metadata: { name, namespace: 'default' },
      spec: { selector: labels, ports: [{ name: 'sql', port: 5432 }], ...spec },
    })
  const both = await create('both', { ipFamilyPolicy: 'RequireDualStack' })
  const six = await create('six', { ipFamilies: ['IPv6'] })
  await create('db', { clusterIP: 'None', ipFamilyPolicy: 'RequireDualStack' })
  for (const hostname of ['db-0', 'db-1'])
    await client.create(pods, {
      metadata: { name: hostname, namespace: 'default', labels },
      spec: { hostname, subdomain: 'db', containers: [{ name: 'c', image: 'i' }] },
    })
  await clock.advance(60_000)

  const zone = new Zone({
    clusterDomain: 'cluster.local',
    index,
    namespaceExists: () => true,
    serverAddresses: [],
    clock,
    random,
  })
  const ask = (name: string, type: string): string[] => {
    const answer = zone.answer(`${name}.default.svc.cluster.local`, type)
    return answer.kind === 'answer' ? answer.answers.map((each) => String('data' in each ? each.data : '')).sort() : []
  }
  const [v4, v6] = both.spec!.clusterIPs!
  assert.deepEqual([ask('both', 'A'), ask('both', 'AAAA')], [[v4], [v6]])
  assert.deepEqual([ask('six', 'A'), ask('six', 'AAAA')], [[], [six.spec!.clusterIP]])
  assert.deepEqual([ask('db', 'A').length, ask('db', 'AAAA').length], [2, 2])
  assert.ok(ask('db', 'A').every((ip) => ip.startsWith('10.244.')))
  assert.ok(ask('db', 'AAAA').every((ip) => ip.startsWith('fd00:10:244:')))
  assert.deepEqual([ask('db-0.db', 'A').length, ask('db-0.db', 'AAAA').length], [1, 1])
  const reverse = zone.answer(reverseOf(v6!), 'PTR')
  assert.deepEqual(reverse.kind === 'answer' && reverse.answers.map((each) => 'data' in each && each.data), [
    'both.default.svc.cluster.local',
  ])
})

/** `fd00::1` → `1.0.0.….d.f.ip6.arpa`. */
function reverseOf(address: string): string {
  const [head = '', tail = ''] = address.split('::')
  const [front, back] = [head, tail].map((part) => part.split(':').filter((group) => group !== ''))
  const groups = [...front!, ...Array.from({ length: 8 - front!.length - back!.length }, () => '0'), ...back!]
  const digits = groups.map((group) => group.padStart(4, '0')).join('')
  return `${[...digits].reverse().join('.')}.ip6.arpa`
}
