import assert from 'node:assert/strict'
import test from 'node:test'
import { endpointSlices, events, type Service, serviceCIDRs, services } from '#api'
import { VirtualClock } from '#base'
import { openMemoryStore } from '#store'
import { keptStore, startTestApiServer, type TestApiServer } from '#testing'

const V4 = '10.96.0.0/12'
const V6 = 'fd00:10:96::/112'

/** Everything that waits for no clock has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
}

async function told({ client }: TestApiServer): Promise<string[]> {
  await settled()
  const { items } = await client.list(events)
  return items.flatMap(({ reason, message, source, involvedObject: { kind, name } }) =>
    kind === 'ServiceCIDR' ? [`${source?.component} ${name} ${reason}: ${message}`] : [],
  )
}

const rangesOf = async ({ client }: TestApiServer): Promise<readonly string[] | undefined> =>
  (await client.get(serviceCIDRs, 'kubernetes')).spec?.cidrs

const apiService = async ({ client }: TestApiServer): Promise<Service['spec']> => {
  const { clusterIPs, ipFamilies, ipFamilyPolicy } = (await client.get(services, 'default/kubernetes')).spec!
  return { clusterIPs: clusterIPs!, ipFamilies: ipFamilies!, ipFamilyPolicy: ipFamilyPolicy! }
}

test('a cluster of two families has both ranges in one object, and its own Service in the first', async () => {
  await using api = await startTestApiServer({
    serviceClusterIPRanges: ['FD00:10:96::5/112', '10.99.0.0/12'],
    advertise: { address: 'fd00::7', port: 6443 },
  })
  const range = await api.client.get(serviceCIDRs, 'kubernetes')
  assert.deepEqual(range.spec?.cidrs, [V6, V4])
  assert.deepEqual(
    range.status?.conditions?.map(({ type, status, message }) => [type, status, message]),
    [['Ready', 'True', 'Kubernetes default Service CIDR is ready']],
  )
  assert.deepEqual(await apiService(api), {
    clusterIPs: ['fd00:10:96::1'],
    ipFamilies: ['IPv6'],
    ipFamilyPolicy: 'SingleStack',
  })
  const slice = await api.client.get(endpointSlices, 'default/kubernetes')
  assert.deepEqual([slice.addressType, slice.endpoints?.[0]?.addresses], ['IPv6', ['fd00::7']])
  assert.deepEqual(await told(api), [])
})

test('the range becomes dual-stack with the flag; the Service stays as it was', async () => {
  await using kept = openMemoryStore({ clock: new VirtualClock() })
  const store = keptStore(kept)
  const start = (...ranges: string[]): Promise<TestApiServer> =>
    startTestApiServer({ store, serviceClusterIPRanges: ranges, advertise: { address: '10.0.0.1', port: 6443 } })
  {
    await using api = await start(V4)
    assert.deepEqual(await rangesOf(api), [V4])
  }
  {
    await using api = await start(V4, V6)
    assert.deepEqual(await rangesOf(api), [V4, V6])
    assert.deepEqual((await apiService(api))?.ipFamilies, ['IPv4'])
    const dual = { ports: [{ port: 80 }], ipFamilyPolicy: 'RequireDualStack' }
    const made = await api.client.create(services, { metadata: { name: 's', namespace: 'default' }, spec: dual })
    assert.match(made.spec!.clusterIPs![1]!, /^fd00:10:96::/)
    assert.deepEqual(await told(api), [])
  }
  // What was allocated stays so, and a flag that says less is told of it.
  await using api = await start(V4)
  assert.deepEqual(await rangesOf(api), [V4, V6])
  assert.deepEqual(await told(api), [
    `kubernetes-service-cidr-controller kubernetes KubernetesDefaultServiceCIDRInconsistent: The default ServiceCIDR [${V4} ${V6}] does not match the controller flag configurations [${V4}]`,
  ])
})

test('a flag of another range changes nothing, and says so once', async () => {
  await using kept = openMemoryStore({ clock: new VirtualClock() })
  const store = keptStore(kept)
  await (await startTestApiServer({ store, serviceClusterIPRanges: [V4] }))[Symbol.asyncDispose]()
  await using api = await startTestApiServer({ store, serviceClusterIPRanges: [V6, V4] })
  assert.deepEqual(await rangesOf(api), [V4])
  await api.client.patch(serviceCIDRs, 'kubernetes', { metadata: { labels: { a: 'b' } } }, { type: 'merge' })
  assert.deepEqual(await told(api), [
    `kubernetes-service-cidr-controller kubernetes KubernetesDefaultServiceCIDRInconsistent: The default ServiceCIDR [${V4}] does not match the controller flag configurations [${V6} ${V4}]`,
  ])
})

test('the range is made anew when it is gone', async () => {
  await using api = await startTestApiServer()
  await api.client.delete(serviceCIDRs, 'kubernetes')
  await settled()
  const range = await api.client.get(serviceCIDRs, 'kubernetes')
  assert.deepEqual([range.spec?.cidrs, range.status?.conditions?.[0]?.status], [[V4], 'True'])
})

test('a range that somebody says is not ready is left so, and gives nothing away', async () => {
  await using api = await startTestApiServer()
  const condition = { type: 'Ready', status: 'False', reason: 'Broken', message: 'the network is', lastTransitionTime: null }
  await api.client.patch(
    serviceCIDRs,
    'kubernetes',
    { status: { conditions: [condition] } },
    { type: 'merge', subresource: 'status' },
  )
  assert.deepEqual(await told(api), [
    'kubernetes-service-cidr-controller kubernetes Broken: Configuration matches, but the network is',
  ])
  const service = { metadata: { name: 's', namespace: 'default' }, spec: { ports: [{ port: 80 }] } }
  await assert.rejects(api.client.create(services, service), /failed to allocate a serviceIP: range is full/)
})
