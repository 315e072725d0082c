import assert from 'node:assert/strict'
import test from 'node:test'
import { type DaemonSet, daemonSets, type Job, jobs, nodes, pods } from '#api'
import { VirtualClock } from '#base'
import { startCluster } from '#cluster'

const job = (name: string, spec: Partial<NonNullable<Job['spec']>>, script: object): Job => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name, namespace: 'default' },
  spec: {
    ...spec,
    template: {
      metadata: { annotations: { 't8s.dev/simulate': JSON.stringify(script) } },
      spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'work:1' }] },
    },
  },
})

test('a job runs its completions, so many at a time, and says when it is done', async () => {
  const clock = new VirtualClock()
  await using cluster = await startCluster({ nodes: 1, clock, seed: 11 })
  const { client } = cluster
  await clock.advance(5_000)
  await client.create(jobs, job('count', { completions: 3, parallelism: 2 }, { main: { afterSeconds: 5 } }))
  await clock.advance(3_000)
  assert.equal((await client.get(jobs, 'default/count')).status?.active, 2)
  await clock.advance(30_000)
  const { status } = await client.get(jobs, 'default/count')
  assert.equal(status?.succeeded, 3)
  assert.deepEqual(
    status?.conditions?.map(({ type }) => type),
    ['SuccessCriteriaMet', 'Complete'],
  )
  const left = await client.list(pods, { namespace: 'default' })
  assert.equal(left.items.length, 3)
  assert.ok(left.items.every(({ metadata }) => !metadata?.finalizers?.length))
})

test('a job whose pods fail gives up at its limit', async () => {
  const clock = new VirtualClock()
  await using cluster = await startCluster({ nodes: 1, clock, seed: 12 })
  const { client } = cluster
  await clock.advance(5_000)
  await client.create(jobs, job('bad', { backoffLimit: 1 }, { main: { afterSeconds: 1, exitCode: 2 } }))
  await clock.advance(120_000)
  const { status } = await client.get(jobs, 'default/bad')
  assert.equal(status?.failed, 2)
  assert.equal(status?.conditions?.find(({ type }) => type === 'Failed')?.reason, 'BackoffLimitExceeded')
})

test('an indexed job gives each index to one pod', async () => {
  const clock = new VirtualClock()
  await using cluster = await startCluster({ nodes: 1, clock, seed: 13 })
  const { client } = cluster
  await clock.advance(5_000)
  await client.create(
    jobs,
    job('indexed', { completions: 4, parallelism: 4, completionMode: 'Indexed' }, { main: { afterSeconds: 2 } }),
  )
  await clock.advance(30_000)
  const { status } = await client.get(jobs, 'default/indexed')
  assert.equal(status?.completedIndexes, '0-3')
  assert.equal(status?.conditions?.at(-1)?.type, 'Complete')
})

const daemonSet = (image: string): DaemonSet => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'agent', namespace: 'default' },
  spec: {
    selector: { matchLabels: { app: 'agent' } },
    template: { metadata: { labels: { app: 'agent' } }, spec: { containers: [{ name: 'agent', image }] } },
  },
})

test('a daemon set has one pod on every node that admits it, and rolls them over', async () => {
  const clock = new VirtualClock()
  await using cluster = await startCluster({ nodes: 3, clock, seed: 14 })
  const { client } = cluster
  await clock.advance(5_000)
  await client.create(daemonSets, daemonSet('agent:1'))
  await clock.advance(10_000)
  const first = await client.list(pods, { namespace: 'default' })
  assert.deepEqual(first.items.map(({ spec }) => spec?.nodeName).sort(), ['node-1', 'node-2', 'node-3'])
  const live = await client.get(daemonSets, 'default/agent')
  assert.equal(live.status?.numberReady, 3)
  await client.update(daemonSets, { ...live, spec: { ...live.spec!, template: daemonSet('agent:2').spec!.template } })
  await clock.advance(120_000)
  const rolled = await client.get(daemonSets, 'default/agent')
  assert.equal(rolled.status?.updatedNumberScheduled, 3)
  assert.equal(rolled.status?.numberAvailable, 3)
  await client.patch(nodes, 'node-2', { spec: { taints: [{ key: 'mine', effect: 'NoSchedule' }] } }, { type: 'merge' })
  await clock.advance(60_000)
  assert.equal((await client.get(daemonSets, 'default/agent')).status?.desiredNumberScheduled, 2)
})
