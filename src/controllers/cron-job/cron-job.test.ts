import assert from 'node:assert/strict'
import test from 'node:test'
import { type CronJob, cronJobs, events, type Job, jobs } from '#api'
import { deepClone } from '#base'
import { formatTime } from '#meta'
import { startTestCluster, type TestCluster, TRANSPORTS } from '#testing'
import { dueAt } from './schedule.ts'

const MINUTE_MS = 60_000

const cronJob = (spec: Partial<NonNullable<CronJob['spec']>>): CronJob => ({
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { name: 'tick', namespace: 'default' },
  spec: {
    schedule: '*/1 * * * *',
    ...spec,
    jobTemplate: {
      metadata: { labels: { made: 'by-clock' }, annotations: { note: 'yes' } },
      spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'work:1' }] } } },
    },
  },
})

const namesOf = (some: readonly Job[]): string[] => some.map(({ metadata }) => metadata?.name ?? '').sort()

async function jobsOf({ client }: TestCluster): Promise<Job[]> {
  return [...(await client.list(jobs, { namespace: 'default' })).items]
}

const get = ({ client }: TestCluster): Promise<CronJob> => client.get(cronJobs, 'default/tick')

/** Ends a Job as its controller would. */
async function end({ client, clock }: TestCluster, name: string, type: 'Complete' | 'Failed'): Promise<void> {
  const draft = deepClone(await client.get(jobs, `default/${name}`))
  const now = formatTime(clock.now())
  const target = type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget'
  draft.status = {
    ...draft.status,
    active: 0,
    ready: 0,
    startTime: draft.status?.startTime ?? now,
    ...(type === 'Complete' && { completionTime: now }),
    conditions: [target, type].map((each) => ({ type: each, status: 'True', lastTransitionTime: now, lastProbeTime: now })),
  }
  await client.updateStatus(jobs, draft)
  await clock.advance(0)
}

async function reasons({ client }: TestCluster): Promise<string[]> {
  const { items } = await client.list(events, { namespace: 'default' })
  return items.filter(({ involvedObject }) => involvedObject.kind === 'CronJob').map(({ reason }) => reason ?? '')
}

for (const transport of Object.keys(TRANSPORTS)) {
  const behaviour = (name: string, body: (cluster: TestCluster) => Promise<void>): void => {
    test(`${transport}: ${name}`, async () => {
      await using cluster = await startTestCluster({ transport })
      await body(cluster)
    })
  }

  behaviour('a cron job makes a job at each of its times, named after it', async (cluster) => {
    await cluster.client.create(cronJobs, cronJob({}))
    await cluster.clock.advance(2 * MINUTE_MS + 1_000)
    const all = await jobsOf(cluster)
    const first = Date.UTC(2026, 0, 1, 0, 1) / MINUTE_MS
    assert.deepEqual(namesOf(all), [`tick-${first}`, `tick-${first + 1}`])
    const { metadata } = all.find((job) => job.metadata?.name === `tick-${first}`)!
    assert.equal(metadata?.labels?.made, 'by-clock')
    assert.equal(metadata?.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp'], '2026-01-01T00:01:00Z')
    assert.equal(metadata?.ownerReferences?.[0]?.kind, 'CronJob')
    const { status } = await get(cluster)
    assert.equal(status?.lastScheduleTime, '2026-01-01T00:02:00Z')
    assert.equal(status?.active?.length, 2)
  })

  behaviour('a suspended cron job makes none', async (cluster) => {
    await cluster.client.create(cronJobs, cronJob({ suspend: true }))
    await cluster.clock.advance(5 * MINUTE_MS)
    assert.deepEqual(await jobsOf(cluster), [])
  })

  behaviour('under Forbid a job waits until the one before it has ended', async (cluster) => {
    await cluster.client.create(cronJobs, cronJob({ concurrencyPolicy: 'Forbid' }))
    await cluster.clock.advance(3 * MINUTE_MS + 1_000)
    const [only, ...more] = await jobsOf(cluster)
    assert.deepEqual(more, [])
    await end(cluster, only!.metadata!.name!, 'Complete')
    await cluster.clock.advance(100)
    assert.equal((await jobsOf(cluster)).length, 2)
    const { status } = await get(cluster)
    assert.equal(status?.lastScheduleTime, '2026-01-01T00:03:00Z')
    assert.ok(status?.lastSuccessfulTime)
    assert.equal(status?.active?.length, 1)
    const seen = await reasons(cluster)
    for (const reason of ['SuccessfulCreate', 'JobAlreadyActive', 'SawCompletedJob']) assert.ok(seen.includes(reason), reason)
  })

  behaviour('under Replace a job takes the place of the one before it', async (cluster) => {
    await cluster.client.create(cronJobs, cronJob({ concurrencyPolicy: 'Replace' }))
    await cluster.clock.advance(MINUTE_MS + 1_000)
    const before = namesOf(await jobsOf(cluster))
    await cluster.clock.advance(MINUTE_MS)
    const after = namesOf(await jobsOf(cluster))
    assert.deepEqual([before.length, after.length], [1, 1])
    assert.notDeepEqual(before, after)
    assert.deepEqual(
      (await get(cluster)).status?.active?.map(({ name }) => name),
      after,
    )
  })

  behaviour('of the finished jobs so many are kept as the limits say', async (cluster) => {
    await cluster.client.create(cronJobs, cronJob({ successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 }))
    for (const outcome of ['Complete', 'Failed', 'Complete'] as const) {
      await cluster.clock.advance(MINUTE_MS + 500)
      const active = (await get(cluster)).status?.active?.[0]
      await end(cluster, active?.name ?? '', outcome)
    }
    const first = Date.UTC(2026, 0, 1, 0, 1) / MINUTE_MS
    assert.deepEqual(namesOf(await jobsOf(cluster)), [`tick-${first + 2}`])
    assert.equal((await get(cluster)).status?.active, undefined)
  })

  behaviour('an active job that is gone is dropped from the list, and a strange one is reported', async (cluster) => {
    await cluster.client.create(cronJobs, cronJob({}))
    await cluster.clock.advance(MINUTE_MS + 1_000)
    const [job] = await jobsOf(cluster)
    await cluster.client.delete(jobs, `default/${job!.metadata!.name}`, { propagationPolicy: 'Background' })
    await cluster.clock.advance(1_000)
    assert.equal((await get(cluster)).status?.active, undefined)
    const stranger = { ...cronJob({}).spec.jobTemplate, apiVersion: 'batch/v1', kind: 'Job' } as Job
    const ownerReferences = job!.metadata!.ownerReferences!
    await cluster.client.create(jobs, { ...stranger, metadata: { name: 'stranger', namespace: 'default', ownerReferences } })
    await cluster.clock.advance(100)
    const seen = await reasons(cluster)
    for (const reason of ['MissingJob', 'UnexpectedJob']) assert.ok(seen.includes(reason), reason)
  })

  behaviour('a cron job that goes on after a pause makes up for its last time alone', async (cluster) => {
    await cluster.client.create(cronJobs, cronJob({ suspend: true, timeZone: 'Europe/Berlin' }))
    await cluster.clock.advance(4 * MINUTE_MS + 10_000)
    await cluster.client.patch(cronJobs, 'default/tick', { spec: { suspend: false } }, { type: 'merge' })
    await cluster.clock.advance(100)
    assert.deepEqual(namesOf(await jobsOf(cluster)), [`tick-${Date.UTC(2026, 0, 1, 0, 4) / MINUTE_MS}`])
  })
}

test('of many missed times the last is due, and none that is too late', () => {
  const since = Date.UTC(2026, 0, 1)
  const job = (spec: Partial<NonNullable<CronJob['spec']>>): CronJob => ({
    ...cronJob(spec),
    metadata: { name: 'tick', creationTimestamp: formatTime(since) },
  })
  const later = since + 10_000 * MINUTE_MS + 30_000
  const expected = { dueMs: since + 10_000 * MINUTE_MS, nextMs: since + 10_001 * MINUTE_MS }
  assert.deepEqual(dueAt(job({}), later), { ...expected, isManyMissed: true })
  assert.deepEqual(dueAt(job({ startingDeadlineSeconds: 45 }), later), { ...expected, isManyMissed: false })
  assert.equal(dueAt(job({ startingDeadlineSeconds: 20 }), later).dueMs, undefined)
  assert.equal(dueAt(job({}), since + 1_000).nextMs, since + MINUTE_MS)
})
