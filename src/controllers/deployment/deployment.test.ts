import assert from 'node:assert/strict'
import test from 'node:test'
import { type Deployment, deployments, nodes, pods, replicaSets } from '#api'
import { keyOf } from '#meta'
import { startTestCluster, type TestCluster, TRANSPORTS } from '#testing'
import { MAX_REPLICAS, proportional } from './rollout.ts'

const deployment = (replicas: number): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } },
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
  },
})

const BROKEN = {
  metadata: { annotations: { 't8s.dev/simulate': JSON.stringify({ web: { startError: 'no' } }) } },
  spec: { containers: [{ name: 'web', image: 'web:2' }] },
}

/** What the sets of each image are sized to, after a while. */
async function sizes({ client, clock }: TestCluster): Promise<Record<string, number | undefined>> {
  await clock.advance(10_000)
  const { items } = await client.list(replicaSets, { namespace: 'default' })
  return Object.fromEntries(items.map(({ spec }) => [spec?.template?.spec?.containers[0]?.image, spec?.replicas]))
}

for (const transport of Object.keys(TRANSPORTS)) {
  test(`${transport}: a deployment that is scaled while it rolls out shares the change in proportion`, async () => {
    await using cluster = await startTestCluster({ transport, nodes: 1, seed: 21 })
    const { client, clock } = cluster
    await clock.advance(5_000)
    await client.create(deployments, deployment(10))
    assert.deepEqual(await sizes(cluster), { 'web:1': 10 })
    await client.patch(deployments, 'default/web', { spec: { template: BROKEN } }, { type: 'merge' })
    assert.deepEqual(await sizes(cluster), { 'web:1': 8, 'web:2': 5 })
    await client.patch(deployments, 'default/web', { spec: { replicas: 30 } }, { type: 'merge' })
    assert.deepEqual(await sizes(cluster), { 'web:1': 20, 'web:2': 13 })
  })

  test(`${transport}: a template whose annotations are taken back is the one it was`, async () => {
    await using cluster = await startTestCluster({ transport, nodes: 1, seed: 22 })
    const { client, clock } = cluster
    await clock.advance(5_000)
    await client.create(deployments, deployment(2))
    await clock.advance(10_000)
    const annotate = (value: string | null) =>
      client.patch(
        deployments,
        'default/web',
        { spec: { template: { metadata: { annotations: { seen: value } } } } },
        { type: 'merge' },
      )
    const untouched = await annotate(null)
    assert.deepEqual([untouched.metadata?.generation, untouched.spec?.template.metadata?.annotations], [1, undefined])
    await annotate('yes')
    await clock.advance(30_000)
    await annotate(null)
    await clock.advance(30_000)
    const { items } = await client.list(replicaSets, { namespace: 'default' })
    assert.deepEqual(
      items.map(({ spec, metadata }) => [metadata?.annotations?.['deployment.kubernetes.io/revision'], spec?.replicas]).sort(),
      [
        ['2', 0],
        ['3', 2],
      ],
    )
  })
}

test('a Recreate rollout makes a new set only once no old pod is left that may run', async () => {
  await using cluster = await startTestCluster({ transport: 'in process', seed: 23 })
  const { client } = cluster
  // A node that never says whether the pods on it have ended.
  await client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'silent' } })
  const on = (image: string) => ({ spec: { nodeName: 'silent', containers: [{ name: 'web', image }] } })
  const spec = {
    ...deployment(2).spec!,
    strategy: { type: 'Recreate' },
    template: { ...deployment(2).spec!.template, ...on('web:1') },
  }
  await client.create(deployments, { ...deployment(2), spec })
  assert.deepEqual(await sizes(cluster), { 'web:1': 2 })
  await client.patch(deployments, 'default/web', { spec: { template: on('web:2') } }, { type: 'merge' })
  assert.deepEqual(await sizes(cluster), { 'web:1': 0 })
  const [first, second] = (await client.list(pods, { namespace: 'default' })).items
  assert.ok(first?.metadata?.deletionTimestamp && second?.metadata?.deletionTimestamp)
  await client.delete(pods, keyOf(first), { gracePeriodSeconds: 0 })
  assert.deepEqual(await sizes(cluster), { 'web:1': 0 })
  await client.delete(pods, keyOf(second), { gracePeriodSeconds: 0 })
  assert.deepEqual(await sizes(cluster), { 'web:1': 0, 'web:2': 2 })
})

test('of sets of one size the newer grows first and the older shrinks first', () => {
  const set = (name: string, creationTimestamp: string) => ({
    metadata: { name, creationTimestamp, annotations: { [MAX_REPLICAS]: '6' } },
    spec: { replicas: 3, selector: {} },
  })
  const sets = [set('old', '2026-01-01T00:00:00Z'), set('new', '2026-01-02T00:00:00Z')]
  const wanted = (replicas: number) => {
    const spec = {
      ...deployment(replicas).spec!,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
    }
    const result = proportional({ ...deployment(replicas), spec }, sets)
    return sets.map((each) => result.get(each))
  }
  assert.deepEqual(wanted(7), [3, 4])
  assert.deepEqual(wanted(5), [2, 3])
})
