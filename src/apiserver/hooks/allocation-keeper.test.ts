import assert from 'node:assert/strict'
import test from 'node:test'
import { events, type IPAddress, ipAddresses, type Service, serviceCIDRs, services } from '#api'
import { VirtualClock } from '#base'
import type { Client } from '#client'
import { openMemoryStore } from '#store'
import { keptStore, startTestApiServer, type TestApiServer } from '#testing'
import { encodeForStore } from '../registry/object-version.ts'

const service = (name: string, spec: object = {}): Service =>
  ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', uid: name, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { ports: [{ port: 80 }], ...spec },
  }) as Service

const addressFor = (ip: string, name: string): IPAddress => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IPAddress',
  metadata: { name: ip, labels: { 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' } },
  spec: { parentRef: { group: '', resource: 'services', namespace: 'default', name } },
})

/** Everything that waits for no clock has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
}

async function reasons(client: Client): Promise<string[]> {
  const { items } = await client.list(events)
  return items.flatMap(({ reason, message, involvedObject }) =>
    /Cluster|IPAddress|^Port/.test(reason ?? '') ? `${involvedObject.name} ${reason}: ${message}` : [],
  )
}

/** A Service as a server stored it whose allocations were lost. */
async function store({ store: kept }: Pick<TestApiServer, 'store'>, object: Service): Promise<void> {
  await kept.put(`/registry/services/specs/default/${object.metadata!.name}`, encodeForStore(object), { expected: 0 })
}

test('an address that a Service has and nobody holds is taken for it', async () => {
  await using api = await startTestApiServer()
  await store(api, service('lost', { type: 'ClusterIP', clusterIP: '10.96.7.7', clusterIPs: ['10.96.7.7'] }))
  await settled()
  const held = await api.client.get(ipAddresses, '10.96.7.7')
  assert.equal(held.spec?.parentRef.name, 'lost')
  assert.deepEqual(await reasons(api.client), [
    'lost ClusterIPNotAllocated: Cluster IP [IPv4]: 10.96.7.7 is not allocated; repairing',
  ])
  await assert.rejects(
    api.client.create(services, service('thief', { clusterIP: '10.96.7.7' })),
    /provided IP is already allocated/,
  )
})

test('an address that is taken from a Service is taken for it again', async () => {
  await using api = await startTestApiServer()
  const { spec } = await api.client.create(services, service('keeps'))
  const ip = spec!.clusterIP!
  const first = await api.client.get(ipAddresses, ip)
  await api.client.delete(ipAddresses, ip)
  await settled()
  const second = await api.client.get(ipAddresses, ip)
  assert.equal(second.spec?.parentRef.name, 'keeps')
  assert.notEqual(second.metadata?.uid, first.metadata?.uid)
  assert.deepEqual(await reasons(api.client), [
    `keeps ClusterIPNotAllocated: Cluster IP [IPv4]: ${ip} is not allocated; repairing`,
  ])
})

test('an address that is held for nobody is given back a minute after it was taken', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  await api.client.create(ipAddresses, addressFor('10.96.8.8', 'gone'))
  const kept = addressFor('10.96.8.9', 'gone')
  await api.client.create(ipAddresses, { ...kept, metadata: { name: '10.96.8.9' } })
  await settled()
  await clock.advance(59_000)
  await settled()
  assert.equal(
    (await api.client.list(ipAddresses)).items.filter(({ metadata }) => metadata!.name!.startsWith('10.96.8.')).length,
    2,
  )
  await clock.advance(2_000)
  await settled()
  const left = (await api.client.list(ipAddresses)).items.map(({ metadata }) => metadata!.name!)
  assert.deepEqual(
    left.filter((ip) => ip.startsWith('10.96.8.')),
    ['10.96.8.9'],
    'what others manage is theirs',
  )
  assert.deepEqual(await reasons(api.client), [
    '10.96.8.8 IPAddressNotAllocated: IPAddress: 10.96.8.8 for Service default/gone appears to have leaked: cleaning up',
  ])
})

test('one address of two Services is told, one of a Service that lost it is taken over', async () => {
  await using api = await startTestApiServer()
  const owner = await api.client.create(services, service('owner'))
  const ip = owner.spec!.clusterIP!
  await store(api, service('second', { type: 'ClusterIP', clusterIP: ip, clusterIPs: [ip] }))
  await api.client.create(ipAddresses, addressFor('10.96.9.9', 'nobody'))
  await store(api, service('third', { type: 'ClusterIP', clusterIP: '10.96.9.9', clusterIPs: ['10.96.9.9'] }))
  await settled()
  assert.equal((await api.client.get(ipAddresses, ip)).spec?.parentRef.name, 'owner')
  assert.equal((await api.client.get(ipAddresses, '10.96.9.9')).spec?.parentRef.name, 'third')
  assert.deepEqual((await reasons(api.client)).sort(), [
    `second ClusterIPAlreadyAllocated: Cluster IP [IPv4]:${ip} was assigned to multiple services; please recreate service`,
    'third ClusterIPNotAllocated: the ClusterIP [IPv4]: 10.96.9.9 for Service default/third has a wrong reference; repairing',
  ])
})

const RANGES = ['10.96.0.0/12', 'fd00:10:96::/112']

test('both addresses of a Service are held for it, whoever was told of them before', async () => {
  await using api = await startTestApiServer({ serviceClusterIPRanges: RANGES })
  const [v4, v6] = ['10.96.7.7', 'fd00:10:96::77']
  const held = addressFor(v6, 'both')
  await api.client.create(ipAddresses, { ...held, metadata: { name: v6, labels: { mine: 'true' } } })
  await store(api, service('both', { type: 'ClusterIP', clusterIP: v4, clusterIPs: [v4, v6] }))
  await settled()
  for (const [ip, family] of [
    [v4, 'IPv4'],
    [v6, 'IPv6'],
  ] as const) {
    const { metadata, spec } = await api.client.get(ipAddresses, ip)
    assert.equal(spec?.parentRef.name, 'both')
    assert.deepEqual(metadata?.labels, {
      'ipaddress.kubernetes.io/ip-family': family,
      'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
    })
  }
  assert.deepEqual(await reasons(api.client), [
    `both ClusterIPNotAllocated: Cluster IP [IPv4]: ${v4} is not allocated; repairing`,
  ])
})

test('an address of no range is told, and taken once there is a range', async () => {
  await using api = await startTestApiServer({ serviceClusterIPRanges: RANGES })
  const [v4, v6] = ['10.112.0.1', 'fd00:10:97::1']
  await store(api, service('far', { type: 'ClusterIP', clusterIP: v4, clusterIPs: [v4, v6] }))
  await store(api, service('none', { type: 'ClusterIP', clusterIP: '10.96.0', clusterIPs: ['10.96.0'] }))
  await settled()
  const beyond = (which: string): string =>
    `far ClusterIPOutOfRange: Cluster IP ${which} is not within any configured Service CIDR; please recreate service`
  assert.deepEqual((await reasons(api.client)).sort(), [
    beyond(`[IPv4]: ${v4}`),
    beyond(`[IPv6]: ${v6}`),
    'none ClusterIPNotValid: Cluster IP 10.96.0 is not a valid IP; please recreate Service',
  ])
  assert.equal(await api.client.find(ipAddresses, v6), undefined)
  await api.client.create(serviceCIDRs, { metadata: { name: 'more' }, spec: { cidrs: ['fd00:10:97::/112'] } })
  await settled()
  assert.equal((await api.client.get(ipAddresses, v6)).spec?.parentRef.name, 'far')
  assert.equal(await api.client.find(ipAddresses, v4), undefined)
})

test('an address whose reference leads to what does not have it is given back', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  await api.client.create(services, service('has', { clusterIP: '10.96.8.1' }))
  await api.client.create(ipAddresses, addressFor('10.96.8.2', 'has'))
  const gateway = addressFor('10.96.8.3', 'g')
  await api.client.create(ipAddresses, {
    ...gateway,
    spec: { parentRef: { group: 'gateway.networking.k8s.io', resource: 'gateways', namespace: 'default', name: 'g' } },
  })
  await settled()
  await clock.advance(61_000)
  await settled()
  const left = (await api.client.list(ipAddresses)).items.map(({ metadata }) => metadata!.name!)
  assert.deepEqual(
    left.filter((ip) => ip.startsWith('10.96.8.')),
    ['10.96.8.1'],
  )
  assert.deepEqual((await reasons(api.client)).sort(), [
    '10.96.8.2 IPAddressWrongReference: IPAddress: 10.96.8.2 for Service default/has has a wrong reference; cleaning up',
    '10.96.8.3 IPAddressNotAllocated: IPAddress 10.96.8.3 appears to have been modified, not referencing a Service &ParentReference{Group:gateway.networking.k8s.io,Resource:gateways,Namespace:default,Name:g,}: cleaning up',
  ])
})

test('a Service that comes and goes leaves nothing to repair', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  const made = await api.client.create(services, service('short'))
  await clock.advance(120_000)
  await api.client.delete(services, 'default/short')
  await clock.advance(120_000)
  await settled()
  await assert.rejects(api.client.get(ipAddresses, made.spec!.clusterIP!), { code: 404 })
  assert.deepEqual(await reasons(api.client), [])
})

test('ports that a server left behind are given back by the next one, and lost ones are taken again', async () => {
  const clock = new VirtualClock()
  const kept = openMemoryStore({ clock })
  const shared = keptStore(kept)
  const port = (name: string, nodePort: number): Service => service(name, { type: 'NodePort', ports: [{ port: 80, nodePort }] })
  {
    await using api = await startTestApiServer({ clock, store: shared })
    await api.client.create(services, port('stays', 30_100))
    await api.client.create(services, port('leaks', 30_200))
    const entry = (await kept.get('/registry/services/specs/default/leaks'))!
    await kept.delete(entry.key, entry.revision)
    await store(
      { store: kept },
      { ...port('lost', 30_300), spec: { ...port('lost', 30_300).spec, clusterIP: 'None', clusterIPs: ['None'] } },
    )
  }
  const lost = { clusterIP: 'None', clusterIPs: ['None'] }
  const ports = { ...port('lost-too', 30_100).spec, healthCheckNodePort: 40_000 }
  await store({ store: kept }, { ...port('lost-too', 30_100), spec: { ...ports, ...lost } })
  await using api = await startTestApiServer({ clock, store: shared })
  await settled()
  assert.deepEqual((await reasons(api.client)).sort(), [
    'lost PortNotAllocated: Port 30300 is not allocated; repairing',
    'lost-too PortOutOfRange: Port 40000 is not within the port range 30000-32767; please recreate service',
    'stays PortAlreadyAllocated: Port 30100 was assigned to multiple services; please recreate service',
  ])
  await assert.rejects(api.client.create(services, port('a', 30_300)), /provided port is already allocated/)
  await assert.rejects(api.client.create(services, port('a', 30_200)), /provided port is already allocated/)
  await clock.advance(61_000)
  await settled()
  await api.client.create(services, port('a', 30_200))
  await assert.rejects(api.client.create(services, port('b', 30_100)), /provided port is already allocated/)
  await kept[Symbol.asyncDispose]()
})
