import assert from 'node:assert/strict'
import test from 'node:test'
import { type Pod, pods, type ReplicationController, replicationControllers } from '#api'
import { keyOf } from '#meta'
import { startTestCluster, type TestCluster, TRANSPORTS } from '#testing'

const controller = (replicas: number): ReplicationController => ({
  apiVersion: 'v1',
  kind: 'ReplicationController',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas,
    selector: { app: 'web' },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
  },
})

async function owned({ client }: TestCluster): Promise<Pod[]> {
  const { items } = await client.list(pods, { namespace: 'default' })
  return items.filter(({ metadata }) => metadata?.ownerReferences?.some(({ kind }) => kind === 'ReplicationController'))
}

for (const transport of Object.keys(TRANSPORTS)) {
  const behaviour = (name: string, body: (cluster: TestCluster) => Promise<void>): void => {
    test(`${transport}: ${name}`, async () => {
      await using cluster = await startTestCluster({ transport })
      await body(cluster)
    })
  }

  behaviour('a replication controller keeps its number of pods, more or fewer', async (cluster) => {
    const { client, clock } = cluster
    await client.create(replicationControllers, controller(3))
    await clock.advance(100)
    assert.equal((await owned(cluster)).length, 3)
    const { status } = await client.get(replicationControllers, 'default/web')
    assert.deepEqual([status?.replicas, status?.fullyLabeledReplicas, status?.observedGeneration], [3, 3, 1])
    await client.patch(replicationControllers, 'default/web', { spec: { replicas: 1 } }, { type: 'merge' })
    await clock.advance(100)
    assert.equal((await owned(cluster)).length, 1)
    await client.delete(pods, keyOf((await owned(cluster))[0]!))
    await clock.advance(100)
    assert.equal((await owned(cluster)).length, 1)
  })

  behaviour('a replication controller adopts pods that fit, and releases those that no longer do', async (cluster) => {
    const { client, clock } = cluster
    const { spec } = controller(1).spec!.template!
    const orphan = { name: 'orphan', namespace: 'default', labels: { app: 'web' } }
    await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: orphan, spec: spec! })
    await client.create(replicationControllers, controller(1))
    await clock.advance(100)
    assert.deepEqual(
      (await owned(cluster)).map(({ metadata }) => metadata?.name),
      ['orphan'],
    )
    await client.patch(pods, 'default/orphan', { metadata: { labels: { app: 'other' } } }, { type: 'merge' })
    await clock.advance(100)
    assert.ok(!(await client.get(pods, 'default/orphan')).metadata?.ownerReferences?.length)
    assert.equal((await owned(cluster)).length, 1)
  })

  behaviour('the pods of a replication controller stay as orphans unless they are to go', async (cluster) => {
    const { client, clock } = cluster
    await client.create(replicationControllers, controller(2))
    await clock.advance(100)
    await client.delete(replicationControllers, 'default/web', { propagationPolicy: 'Orphan' })
    await clock.advance(100)
    assert.equal((await owned(cluster)).length, 0)
    await client.create(replicationControllers, controller(2))
    await clock.advance(100)
    assert.equal((await owned(cluster)).length, 2)
    await client.delete(replicationControllers, 'default/web', { propagationPolicy: 'Foreground' })
    await clock.advance(100)
    assert.equal((await client.list(pods, { namespace: 'default' })).items.length, 0)
  })
}
