import assert from 'node:assert/strict'
import test from 'node:test'
import {
  type Deployment,
  deployments,
  events,
  type Pod,
  type PodDisruptionBudget,
  podDisruptionBudgets,
  pods,
  type ReplicaSet,
  replicaSets,
} from '#api'
import { StatusError } from '#meta'
import { crdOf, establish, startTestCluster, type TestCluster, TRANSPORTS } from '#testing'

const template = {
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image: 'web:1' }], terminationGracePeriodSeconds: 0 },
}
const replicaSet = (replicas: number): ReplicaSet => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name: 'web', namespace: 'default' },
  spec: { replicas, selector: { matchLabels: { app: 'web' } }, template },
})
const budget = (spec: NonNullable<PodDisruptionBudget['spec']>): PodDisruptionBudget => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'pdb', namespace: 'default' },
  spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
})
const loose = (name: string, metadata: Pod['metadata'] = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', labels: { app: 'web' }, ...metadata },
  spec: template.spec,
})

async function statusOf({ client, clock }: TestCluster, ms = 3_000): Promise<NonNullable<PodDisruptionBudget['status']>> {
  await clock.advance(ms)
  return (await client.get(podDisruptionBudgets, 'default/pdb')).status!
}

async function numbersOf(cluster: TestCluster): Promise<(number | undefined)[]> {
  const { expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed } = await statusOf(cluster)
  return [expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed]
}

async function evict({ client }: TestCluster, name: string): Promise<number> {
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'default' } }
  try {
    await client.createSubresource(pods, `default/${name}`, 'eviction', body)
    return 201
  } catch (error) {
    if (error instanceof StatusError) return error.code
    throw error
  }
}

const toldOf = async ({ client }: TestCluster, reason: string): Promise<(string | undefined)[]> =>
  (await client.list(events, { namespace: 'default', fieldSelector: `reason=${reason}` })).items.map(({ message }) => message)

for (const transport of Object.keys(TRANSPORTS)) {
  const behaviour = (name: string, body: (cluster: TestCluster) => Promise<void>): void => {
    test(`${transport}: ${name}`, async () => {
      await using cluster = await startTestCluster({ transport, nodes: 1, seed: 31 })
      await cluster.clock.advance(5_000)
      await body(cluster)
    })
  }

  behaviour('a budget lets as many pods go as stay healthy without, and counts again when they are replaced', async (cluster) => {
    const { client } = cluster
    await client.create(podDisruptionBudgets, budget({ minAvailable: 2 }))
    assert.deepEqual(await numbersOf(cluster), [0, 2, 0, 0])
    assert.deepEqual(await toldOf(cluster, 'NoPods'), ['No matching pods found'])
    await client.create(replicaSets, replicaSet(3))
    assert.deepEqual(await numbersOf(cluster), [3, 2, 3, 1])
    const { conditions, observedGeneration } = await statusOf(cluster)
    assert.deepEqual(
      conditions?.map(({ type, status, reason, observedGeneration: of }) => [type, status, reason, of]),
      [['DisruptionAllowed', 'True', 'SufficientPods', 1]],
    )
    assert.equal(observedGeneration, 1)
    const [first, second] = (await client.list(pods, { namespace: 'default' })).items.map(({ metadata }) => metadata!.name!)
    assert.deepEqual([await evict(cluster, first!), await evict(cluster, second!)], [201, 429])
    assert.deepEqual(await numbersOf(cluster), [3, 2, 3, 1])
    assert.equal(await evict(cluster, second!), 201)
  })

  behaviour('the size that a budget counts from is that of what controls its pods', async (cluster) => {
    const { client } = cluster
    const deployment: Deployment = { ...(replicaSet(5) as Deployment), kind: 'Deployment' }
    await client.create(deployments, deployment)
    await client.create(podDisruptionBudgets, budget({ maxUnavailable: '30%' }))
    assert.deepEqual(await numbersOf(cluster), [5, 3, 5, 2])
    const change = (spec: object) => client.patch(podDisruptionBudgets, 'default/pdb', { spec }, { type: 'merge' })
    await change({ maxUnavailable: null, minAvailable: '50%' })
    assert.deepEqual(await numbersOf(cluster), [5, 3, 5, 2])
    await change({ minAvailable: null, maxUnavailable: 0 })
    assert.deepEqual(await numbersOf(cluster), [5, 5, 5, 0])
  })

  behaviour('pods that nobody controls count only where no size is needed', async (cluster) => {
    const { client } = cluster
    for (const name of ['a', 'b']) await client.create(pods, loose(name))
    await client.create(podDisruptionBudgets, budget({ minAvailable: 1 }))
    assert.deepEqual(await numbersOf(cluster), [2, 1, 2, 1])
    await client.patch(
      podDisruptionBudgets,
      'default/pdb',
      { spec: { minAvailable: null, maxUnavailable: 1 } },
      { type: 'merge' },
    )
    assert.deepEqual(await numbersOf(cluster), [0, 0, 2, 0])
    const [told] = await toldOf(cluster, 'UnmanagedPods')
    assert.match(told ?? '', /were found to be unmanaged/)
  })

  behaviour('the size of a custom kind is that of its scale, and without any nothing may be disturbed', async (cluster) => {
    const { client } = cluster
    const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' }
    const [widgets] = await establish(client, crdOf({ versions: [{ name: 'v1', subresources: { scale } }] }))
    const widget = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w', namespace: 'default' } }
    const { metadata } = await client.create(widgets!, { ...widget, spec: { replicas: 4 } })
    const owner = { apiVersion: 'example.com/v1', kind: 'Widget', name: 'w', uid: metadata!.uid!, controller: true }
    for (const name of ['a', 'b']) await client.create(pods, loose(name, { ownerReferences: [owner] }))
    await client.create(podDisruptionBudgets, budget({ maxUnavailable: 3 }))
    assert.deepEqual(await numbersOf(cluster), [4, 1, 2, 1])
    await client.delete(widgets!, 'default/w', { propagationPolicy: 'Orphan' })
    // Of a kind that is not served: one that is, and is not there, would take the pod along.
    const gone = { ...owner, apiVersion: 'example.org/v1', name: 'never', uid: 'u' }
    await client.patch(pods, 'default/a', { metadata: { ownerReferences: [gone] } }, { type: 'merge' })
    const { disruptionsAllowed, conditions } = await statusOf(cluster, 1_000)
    assert.equal(disruptionsAllowed, 0)
    assert.deepEqual(
      conditions?.map(({ status, reason, message }) => [status, reason, message]),
      [['False', 'SyncFailed', 'found no controllers for pod "a"']],
    )
  })

  behaviour('an eviction that was granted and never came is forgotten, and its mark taken back', async (cluster) => {
    const { client, clock } = cluster
    await client.create(replicaSets, replicaSet(2))
    await client.create(podDisruptionBudgets, budget({ minAvailable: 1 }))
    const before = await statusOf(cluster)
    const [name] = (await client.list(pods, { namespace: 'default' })).items.map(({ metadata }) => metadata!.name!)
    const current = await client.get(podDisruptionBudgets, 'default/pdb')
    const now = `${new Date(clock.now()).toISOString().slice(0, 19)}Z`
    await client.updateStatus(podDisruptionBudgets, { ...current, status: { ...before, disruptedPods: { [name!]: now } } })
    const mark = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'EvictionByEvictionAPI',
      message: 'x',
      lastTransitionTime: now,
    }
    await client.patch(pods, `default/${name}`, { status: { conditions: [mark] } }, { type: 'strategic', subresource: 'status' })
    assert.deepEqual(await numbersOf(cluster), [2, 1, 1, 0])
    await clock.advance(120_000)
    assert.deepEqual(await numbersOf(cluster), [2, 1, 2, 1])
    assert.equal((await statusOf(cluster)).disruptedPods, undefined)
    assert.deepEqual(await toldOf(cluster, 'NotDeleted'), ["Pod was expected by PDB default/pdb to be deleted but it wasn't"])
    const { status } = await client.get(pods, `default/${name}`)
    assert.equal(status?.conditions?.find(({ type }) => type === 'DisruptionTarget')?.status, 'False')
  })
}
