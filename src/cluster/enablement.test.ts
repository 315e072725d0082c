import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import test from 'node:test'
import { clusterTrustBundles, configMaps, jobs, namespaces, pods, serviceAccounts } from '#api'
import { VirtualClock } from '#base'
import { openMemoryStore } from '#store'
import { startCluster } from './cluster.ts'

const SIGNER = 'kubernetes.io/kube-apiserver-serving'

test('what clients verify the API server with is the one trust bundle of its signer', async () => {
  const clock = new VirtualClock()
  await using cluster = await startCluster({
    nodes: 0,
    clock,
    seed: 3,
    featureGates: { ClusterTrustBundle: true },
    runtimeConfig: { 'certificates.k8s.io/v1beta1': true },
  })
  const { client } = cluster
  await clock.advance(1_000)
  const root = (await client.get(configMaps, 'default/kube-root-ca.crt')).data!['ca.crt']!
  const name = `kubernetes.io:kube-apiserver-serving:${createHash('sha256').update(root).digest('hex').slice(0, 24)}`
  const published = async (): Promise<unknown> =>
    (await client.list(clusterTrustBundles)).items.map(({ metadata, spec }) => [metadata?.name, spec])
  const wanted = [[name, { signerName: SIGNER, trustBundle: root }]]
  assert.deepEqual(await published(), wanted)
  // Of a former authority, and nobody's.
  const former = 'kubernetes.io:kube-apiserver-serving:former'
  await client.create(clusterTrustBundles, { metadata: { name: former }, spec: { signerName: SIGNER, trustBundle: root } })
  await clock.advance(1_000)
  assert.deepEqual(await published(), wanted)
  await client.delete(clusterTrustBundles, name)
  await clock.advance(1_000)
  assert.deepEqual(await published(), wanted)
})

test('a cluster without a group works on, and nothing that belongs to objects of it is collected', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  await using whole = await startCluster({ nodes: 0, clock, seed: 4, store })
  const containers = [{ name: 'c', image: 'i' }]
  await clock.advance(1_000)
  const job = await whole.client.create(jobs, {
    metadata: { name: 'j', namespace: 'default' },
    spec: { template: { spec: { containers, restartPolicy: 'Never' } } },
  })
  await clock.advance(5_000)
  const [pod] = (await whole.client.list(pods, { namespace: 'default' })).items
  assert.equal(pod?.metadata?.ownerReferences?.[0]?.uid, job.metadata?.uid)

  await using partial = await whole.fork({ runtimeConfig: { 'batch/v1': false } })
  await clock.advance(120_000)
  assert.equal((await partial.client.list(pods, { namespace: 'default' })).items[0]?.metadata?.uid, pod?.metadata?.uid)
  await partial.client.create(namespaces, { metadata: { name: 'new' } })
  await clock.advance(5_000)
  assert.ok(await partial.client.find(serviceAccounts, 'new/default'))
})
