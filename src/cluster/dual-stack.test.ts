import assert from 'node:assert/strict'
import test from 'node:test'
import {
  type Deployment,
  deployments,
  endpointSlices,
  ipAddresses,
  nodes,
  pods,
  type Service,
  serviceCIDRs,
  services,
} from '#api'
import { VirtualClock } from '#base'
import { type Cluster, startCluster } from './cluster.ts'

const DUAL = { serviceCIDR: '10.96.0.0/12,fd00:10:96::/112', clusterCIDR: '10.244.0.0/16,fd00:10:244::/56' }
const V4 = /^10\./
const V6 = /^fd00:/

const web: Deployment = {
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
  },
}

const service = (name: string, spec: Service['spec']): Service => ({
  metadata: { name, namespace: 'default' },
  spec: { selector: { app: 'web' }, ports: [{ port: 80 }], ...spec },
})

async function slicesOf(client: Cluster['client'], name: string): Promise<Record<string, number>> {
  const { items } = await client.list(endpointSlices, { labelSelector: `kubernetes.io/service-name=${name}` })
  for (const { addressType, endpoints } of items)
    for (const { addresses } of endpoints ?? []) assert.match(addresses[0]!, addressType === 'IPv6' ? V6 : V4)
  return Object.fromEntries(items.map(({ addressType, endpoints }) => [addressType, endpoints?.length ?? 0]))
}

test('in a cluster of two families, nodes, pods, Services and their slices have addresses of both', async () => {
  const clock = new VirtualClock()
  await using cluster = await startCluster({ nodes: 2, clock, seed: 7, ...DUAL })
  const { client } = cluster
  await client.create(deployments, web)
  const policies = { both: 'RequireDualStack', either: 'PreferDualStack', one: 'SingleStack' }
  for (const [name, ipFamilyPolicy] of Object.entries(policies)) await client.create(services, service(name, { ipFamilyPolicy }))
  await clock.advance(20_000)

  for (const { spec, status } of (await client.list(nodes)).items) {
    assert.deepEqual(
      spec?.podCIDRs?.map((range) => [V4.test(range), V6.test(range)]),
      [
        [true, false],
        [false, true],
      ],
    )
    const addresses = status?.addresses?.filter(({ type }) => type === 'InternalIP').map(({ address }) => address)
    assert.deepEqual(
      addresses?.map((address) => address.includes(':')),
      [false, true],
    )
  }
  const running = (await client.list(pods, { namespace: 'default' })).items
  assert.equal(running.length, 3)
  for (const { status } of running) {
    const [first, second, ...others] = status!.podIPs!.map(({ ip }) => ip)
    assert.deepEqual([status?.podIP, others], [first, []])
    assert.match(first!, V4)
    assert.match(second!, V6)
    assert.equal(status?.hostIPs?.length, 2)
  }
  assert.equal(new Set(running.flatMap(({ status }) => status!.podIPs!.map(({ ip }) => ip))).size, 6)

  assert.deepEqual(await slicesOf(client, 'both'), { IPv4: 3, IPv6: 3 })
  assert.deepEqual(await slicesOf(client, 'either'), { IPv4: 3, IPv6: 3 })
  assert.deepEqual(await slicesOf(client, 'one'), { IPv4: 3 })

  await client.patch(services, 'default/both', { spec: { ipFamilyPolicy: 'SingleStack' } }, { type: 'merge' })
  await client.patch(services, 'default/one', { spec: { ipFamilyPolicy: 'RequireDualStack' } }, { type: 'merge' })
  await clock.advance(5_000)
  assert.deepEqual(await slicesOf(client, 'both'), { IPv4: 3 })
  assert.deepEqual(await slicesOf(client, 'one'), { IPv4: 3, IPv6: 3 })

  assert.deepEqual((await client.get(serviceCIDRs, 'kubernetes')).spec?.cidrs, DUAL.serviceCIDR.split(','))
  for (const name of Object.keys(policies)) await client.delete(services, `default/${name}`)
  const left = (await client.list(ipAddresses)).items.map(({ metadata }) => metadata?.name)
  assert.deepEqual(left, ['10.96.0.1'], 'of the Service of the API server')
})

test('a cluster whose first family is IPv6 serves in it', async () => {
  const [serviceCIDR, clusterCIDR] = ['fd00:10:96::/112,10.96.0.0/12', 'fd00:10:244::/56,10.244.0.0/16']
  const clock = new VirtualClock()
  await using cluster = await startCluster({ nodes: 1, clock, seed: 8, serviceCIDR, clusterCIDR })
  const { client, url } = cluster
  assert.match(url, /^https:\/\/\[::1\]:\d+$/)
  await client.create(deployments, web)
  await client.create(services, service('web', {}))
  await clock.advance(20_000)
  assert.match((await client.get(services, 'default/web')).spec!.clusterIP!, V6)
  assert.deepEqual(await slicesOf(client, 'web'), { IPv6: 3 })
  const [slice] = (await client.list(endpointSlices, { labelSelector: 'kubernetes.io/service-name=kubernetes' })).items
  assert.deepEqual([slice?.addressType, slice?.endpoints?.[0]?.addresses], ['IPv6', ['::1']])
  const [pod] = (await client.list(pods, { namespace: 'default' })).items
  assert.match(pod!.status!.podIP!, V6)
})

test('ranges that can not be are refused before anything starts', async () => {
  await assert.rejects(startCluster({ serviceCIDR: '10.96.0.0/12,10.0.0.0/24' }), {
    message: 'serviceCIDR[0] and serviceCIDR[1] must be of different IP family',
  })
  await assert.rejects(startCluster({ clusterCIDR: 'x' }), /^Error: clusterCIDR takes a range such as/)
})
