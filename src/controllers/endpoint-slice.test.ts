import assert from 'node:assert/strict'
import test from 'node:test'
import { type EndpointSlice, endpointSlices, endpoints, pods, type Service, type ServiceSpec, services } from '#api'
import { startTestCluster, type TestCluster } from '#testing'

const service = (spec: ServiceSpec = {}): Service => ({
  metadata: { name: 'web', namespace: 'default' },
  spec: { ports: [{ port: 80, targetPort: 8080 }], selector: { app: 'web' }, ...spec },
})

async function runPod({ client }: TestCluster, name: string, ips: readonly string[], lastTransitionTime?: string): Promise<void> {
  await client.create(pods, {
    metadata: { name, namespace: 'default', labels: { app: 'web' } },
    spec: { containers: [{ name: 'c', image: 'i' }], nodeName: 'node-1' },
  })
  const status = {
    phase: 'Running',
    podIP: ips[0],
    podIPs: ips.map((ip) => ({ ip })),
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime }],
  }
  await client.patch(pods, `default/${name}`, { status }, { type: 'merge', subresource: 'status' })
}

const listed = async ({ client, clock }: TestCluster): Promise<readonly EndpointSlice[]> => {
  await clock.advance(1_000)
  return (await client.list(endpointSlices, { labelSelector: 'kubernetes.io/service-name=web' })).items
}

/** `IPv4 8080 10.0.0.1 10.0.0.2` for each slice. */
const shown = async (cluster: TestCluster): Promise<string[]> =>
  (await listed(cluster))
    .map(({ addressType, ports, endpoints: all }) =>
      [
        addressType,
        ...(ports ?? []).map(({ port }) => port),
        ...(all ?? []).map(({ addresses }) => addresses.join()).sort(),
      ].join(' '),
    )
    .sort()

const older = async ({ client }: TestCluster): Promise<string[]> =>
  ((await client.get(endpoints, 'default/web')).subsets ?? []).flatMap(({ addresses }) => (addresses ?? []).map(({ ip }) => ip))

test('a Service of two families has slices of both, and Endpoints of its first', async () => {
  await using cluster = await startTestCluster({ transport: 'in process', isDualStack: true })
  await cluster.client.create(services, service({ ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6', 'IPv4'] }))
  assert.deepEqual(await shown(cluster), ['IPv4', 'IPv6'], 'empty ones, which say that there is nobody yet')
  await runPod(cluster, 'both', ['10.244.0.2', 'fd00:10:244::2'])
  await runPod(cluster, 'old', ['10.244.0.3'])
  await runPod(cluster, 'new', ['fd00:10:244::4'])
  assert.deepEqual(await shown(cluster), ['IPv4 8080 10.244.0.2 10.244.0.3', 'IPv6 8080 fd00:10:244::2 fd00:10:244::4'])
  assert.deepEqual(await older(cluster), ['fd00:10:244::2', 'fd00:10:244::4'])
})

test('slices of a family come and go with it', async () => {
  await using cluster = await startTestCluster({ transport: 'in process', isDualStack: true })
  const { client } = cluster
  await runPod(cluster, 'both', ['10.244.0.2', 'fd00:10:244::2'])
  await client.create(services, service())
  assert.deepEqual(await shown(cluster), ['IPv4 8080 10.244.0.2'])
  const policy = (ipFamilyPolicy: string): Promise<Service> =>
    client.patch(services, 'default/web', { spec: { ipFamilyPolicy } }, { type: 'merge' })
  await policy('PreferDualStack')
  const [v4, v6] = [...(await listed(cluster))].sort((a, b) => a.addressType.localeCompare(b.addressType))
  assert.deepEqual([v4?.endpoints?.[0]?.addresses, v6?.endpoints?.[0]?.addresses], [['10.244.0.2'], ['fd00:10:244::2']])
  await policy('SingleStack')
  const [left, ...others] = await listed(cluster)
  assert.deepEqual([left?.metadata?.uid, others.length], [v4?.metadata?.uid, 0], 'the one that was there from the start')
  assert.deepEqual(await older(cluster), ['10.244.0.2'])
})

test('a headless Service of two families names its pods in both', async () => {
  await using cluster = await startTestCluster({ transport: 'in process', isDualStack: true })
  await cluster.client.create(services, service({ clusterIP: 'None', ipFamilyPolicy: 'RequireDualStack' }))
  await runPod(cluster, 'both', ['10.244.0.2', 'fd00:10:244::2'])
  assert.deepEqual(await shown(cluster), ['IPv4 8080 10.244.0.2', 'IPv6 8080 fd00:10:244::2'])
})

test('slices and Endpoints say which change they were written for', async () => {
  await using cluster = await startTestCluster({ transport: 'in process' })
  const { client } = cluster
  const created = await client.create(services, service())
  const times = async (): Promise<(string | undefined)[]> => {
    const [slice] = await listed(cluster)
    const same = await client.get(endpoints, 'default/web')
    return [slice, same].map((each) => each?.metadata?.annotations?.['endpoints.kubernetes.io/last-change-trigger-time'])
  }
  const creation = created.metadata!.creationTimestamp
  assert.deepEqual(await times(), [creation, creation])
  await runPod(cluster, 'a', ['10.244.0.2'], '2026-01-01T00:00:03Z')
  await runPod(cluster, 'b', ['10.244.0.3'], '2026-01-01T00:00:02Z')
  assert.deepEqual(await times(), ['2026-01-01T00:00:02Z', '2026-01-01T00:00:02Z'], 'the first of what is new')
  await client.delete(pods, 'default/a', { gracePeriodSeconds: 0 })
  assert.deepEqual(await times(), [undefined, undefined], 'a pod that goes away changes no condition')
})
