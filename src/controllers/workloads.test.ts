import assert from 'node:assert/strict'
import test from 'node:test'
import { clusterRoles, type DaemonSet, daemonSets, endpoints, type Job, jobs, nodes, pods, services } from '#api'
import { startTestCluster, TRANSPORTS } from '#testing'

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

const daemonSet = (image: string): DaemonSet => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'agent', namespace: 'default' },
  spec: {
    selector: { matchLabels: { app: 'agent' } },
    template: { metadata: { labels: { app: 'agent' } }, spec: { containers: [{ name: 'agent', image }] } },
  },
})

for (const transport of Object.keys(TRANSPORTS)) {
  test(`${transport}: a job runs its completions, so many at a time, and says when it is done`, async () => {
    await using cluster = await startTestCluster({ transport, nodes: 1, seed: 11 })
    const { client, clock } = cluster
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

  test(`${transport}: a job whose pods fail gives up at its limit`, async () => {
    await using cluster = await startTestCluster({ transport, nodes: 1, seed: 12 })
    const { client, clock } = cluster
    await clock.advance(5_000)
    await client.create(jobs, job('bad', { backoffLimit: 1 }, { main: { afterSeconds: 1, exitCode: 2 } }))
    await clock.advance(120_000)
    const { status } = await client.get(jobs, 'default/bad')
    assert.equal(status?.failed, 2)
    assert.equal(status?.conditions?.find(({ type }) => type === 'Failed')?.reason, 'BackoffLimitExceeded')
  })

  test(`${transport}: an indexed job gives each index to one pod`, async () => {
    await using cluster = await startTestCluster({ transport, nodes: 1, seed: 13 })
    const { client, clock } = cluster
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

  test(`${transport}: a daemon set has one pod on every node that admits it, and rolls them over`, async () => {
    await using cluster = await startTestCluster({ transport, nodes: 3, seed: 14 })
    const { client, clock } = cluster
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

  test(`${transport}: a finished job is deleted when its time is over, with its pods`, async () => {
    await using cluster = await startTestCluster({ transport, nodes: 1, seed: 15 })
    const { client, clock } = cluster
    await clock.advance(5_000)
    await client.create(jobs, job('short', { ttlSecondsAfterFinished: 30 }, { main: { afterSeconds: 1 } }))
    await clock.advance(20_000)
    assert.ok(await client.find(jobs, 'default/short'))
    await clock.advance(40_000)
    assert.equal(await client.find(jobs, 'default/short'), undefined)
    assert.equal((await client.list(pods, { namespace: 'default' })).items.length, 0)
  })

  test(`${transport}: a Service has its ready pods in Endpoints and in a slice, and roles that are made of others have their rules`, async () => {
    await using cluster = await startTestCluster({ transport, nodes: 1, seed: 16 })
    const { client, clock } = cluster
    await clock.advance(5_000)
    await client.create(daemonSets, daemonSet('agent:1'))
    await client.create(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'agent', namespace: 'default' },
      spec: { selector: { app: 'agent' }, ports: [{ port: 80, targetPort: 8080 }] },
    })
    await clock.advance(10_000)
    const [subset] = (await client.get(endpoints, 'default/agent')).subsets ?? []
    assert.equal(subset?.addresses?.length, 1)
    assert.deepEqual(
      subset?.ports?.map(({ port }) => port),
      [8080],
    )
    const view = await client.get(clusterRoles, 'view')
    assert.ok(view.rules?.some(({ resources }) => resources?.includes('deployments')))
  })

  test(`${transport}: pods of a node that is gone are collected`, async () => {
    await using cluster = await startTestCluster({ transport, nodes: 0, seed: 17 })
    const { client, clock } = cluster
    await clock.advance(1_000)
    await client.create(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'lost', namespace: 'default' },
      spec: { nodeName: 'nowhere', containers: [{ name: 'a', image: 'a' }] },
    })
    await clock.advance(30_000)
    assert.ok(await client.find(pods, 'default/lost'))
    await clock.advance(30_000)
    assert.equal(await client.find(pods, 'default/lost'), undefined)
  })
}
