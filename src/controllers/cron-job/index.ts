import { type CronJob, cronJobs, type Job, jobs } from '#api'
import { deepEqual } from '#base'
import { formatTime, isAlreadyExists, isNotFound, keyOf } from '#meta'
import {
  controllerOf,
  controllerReference,
  defineController,
  done,
  isNamespaceTerminating,
  ownerKeys,
  type ReconcileContext,
  type Result,
  requeueAt,
  watch,
} from '../framework/index.ts'
import { dueAt } from './schedule.ts'

const SCHEDULED = 'batch.kubernetes.io/cronjob-scheduled-timestamp'
/** So that the time has surely come. */
const DELTA_MS = 100

type Status = { -readonly [K in keyof NonNullable<CronJob['status']>]: NonNullable<CronJob['status']>[K] }

/** Creates Jobs on a schedule. A Job is named after its time, so that one time makes one Job, whoever tries. */
export const cronJobController = defineController<CronJob>({
  name: 'cronjob-controller',
  for: cronJobs,
  watches: [watch(jobs, (job) => ownerKeys(job, cronJobs as never))],
  async reconcile(context): Promise<Result> {
    const { key, cache, client } = context
    const cronJob = cache(cronJobs).get(key)
    if (cronJob === undefined) return done
    const children = cache(jobs)
      .list({ namespace: cronJob.metadata?.namespace })
      .filter((job) => controllerOf(job)?.uid === cronJob.metadata?.uid)
    const status: Status = { ...cronJob.status }
    await clearHistory(context, cronJob, status, children)
    await observe(context, cronJob, status, children)
    let result = done
    try {
      if (cronJob.metadata?.deletionTimestamp === undefined && !cronJob.spec.suspend)
        result = await start(context, cronJob, status)
    } finally {
      if (status.active?.length === 0) delete status.active
      if (!deepEqual(status, cronJob.status)) await client.updateStatus(cronJobs, { ...cronJob, status })
    }
    return result
  },
})

const endOf = ({ status }: Job): 'Complete' | 'Failed' | undefined =>
  status?.conditions?.find(({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True')?.type as
    | 'Complete'
    | 'Failed'
    | undefined

function drop(status: Status, uid: string | undefined): void {
  status.active = (status.active ?? []).filter((each) => each.uid !== uid)
}

/** Deletes the oldest finished Jobs beyond what is to be kept of each kind. */
async function clearHistory(
  context: ReconcileContext,
  cronJob: CronJob,
  status: Status,
  children: readonly Job[],
): Promise<void> {
  const limits = { Complete: cronJob.spec.successfulJobsHistoryLimit, Failed: cronJob.spec.failedJobsHistoryLimit }
  for (const end of ['Complete', 'Failed'] as const) {
    const limit = limits[end]
    if (limit === undefined) continue
    const ended = children
      .filter((job) => endOf(job) === end && job.metadata?.deletionTimestamp === undefined)
      .sort((a, b) => ((a.status?.startTime ?? '') < (b.status?.startTime ?? '') ? -1 : 1))
    for (const job of ended.slice(0, Math.max(0, ended.length - limit))) await remove(context, cronJob, status, job)
  }
}

async function remove({ client, recorder }: ReconcileContext, cronJob: CronJob, status: Status, job: Job): Promise<void> {
  try {
    const preconditions = { uid: job.metadata?.uid ?? '' }
    await client.delete(jobs, keyOf(job), { propagationPolicy: 'Background', preconditions })
    recorder.event(cronJob, 'Normal', 'SuccessfulDelete', `Deleted job ${job.metadata?.name}`)
  } catch (error) {
    if (!isNotFound(error)) {
      recorder.event(cronJob, 'Warning', 'FailedDelete', `Deleted job: ${(error as Error).message}`)
      throw error
    }
  }
  drop(status, job.metadata?.uid)
}

/** Brings the list of active Jobs up to date. */
async function observe(context: ReconcileContext, cronJob: CronJob, status: Status, children: readonly Job[]): Promise<void> {
  const { client, recorder, key } = context
  const [namespace] = key.split('/')
  for (const job of children) {
    const { uid, name } = job.metadata ?? {}
    const isActive = status.active?.some((each) => each.uid === uid) ?? false
    const end = endOf(job)
    if (isActive && end !== undefined) {
      drop(status, uid)
      recorder.event(cronJob, 'Normal', 'SawCompletedJob', `Saw completed job: ${name}, condition: ${end}`)
    } else if (!isActive && end === undefined && job.metadata?.deletionTimestamp === undefined) {
      // The list may only be newer than the cache.
      const live = await client.find(cronJobs, key)
      if (live !== undefined && !live.status?.active?.some((each) => each.uid === uid))
        recorder.event(cronJob, 'Warning', 'UnexpectedJob', `Saw a job that the controller did not create or forgot: ${name}`)
    }
    const completed = end === 'Complete' ? job.status?.completionTime : undefined
    if (completed !== undefined && completed > (status.lastSuccessfulTime ?? '')) status.lastSuccessfulTime = completed
  }
  for (const { uid, name } of status.active ?? []) {
    if (children.some(({ metadata }) => metadata?.uid === uid)) continue
    if ((await client.find(jobs, `${namespace}/${name}`))?.metadata?.uid === uid) continue
    drop(status, uid)
    recorder.event(cronJob, 'Normal', 'MissingJob', `Active job went missing: ${name}`)
  }
}

/** Starts the Job that is due, if its policy lets it; resolves with when to look again. */
async function start(context: ReconcileContext, cronJob: CronJob, status: Status): Promise<Result> {
  const { clock, recorder, client, key } = context
  const { concurrencyPolicy, startingDeadlineSeconds } = cronJob.spec
  const { dueMs, nextMs, isManyMissed } = dueAt(cronJob, clock.now())
  const next = nextMs === undefined ? done : requeueAt(nextMs + DELTA_MS)
  if (isManyMissed) {
    const advice = 'Set or decrease .spec.startingDeadlineSeconds or check clock skew'
    recorder.event(cronJob, 'Warning', 'TooManyMissedTimes', `too many missed start times. ${advice}`)
  }
  if (dueMs === undefined) return next
  if (startingDeadlineSeconds !== undefined && dueMs + startingDeadlineSeconds * 1000 < clock.now()) {
    recorder.event(cronJob, 'Warning', 'MissSchedule', `Missed scheduled time to start a job: ${new Date(dueMs).toUTCString()}`)
    return next
  }
  const active = status.active ?? []
  if (concurrencyPolicy === 'Forbid' && active.length > 0) {
    const reason = 'Not starting job because prior execution is running and concurrency policy is Forbid'
    recorder.event(cronJob, 'Normal', 'JobAlreadyActive', reason)
    return next
  }
  if (concurrencyPolicy === 'Replace') {
    const [namespace] = key.split('/')
    for (const { name, uid } of active) {
      const job = await client.find(jobs, `${namespace}/${name}`)
      if (job !== undefined && job.metadata?.uid === uid) await remove(context, cronJob, status, job)
      else drop(status, uid)
    }
  }
  const job = await createJob(context, cronJob, dueMs)
  if (job === undefined) return next
  const { name, namespace, uid, resourceVersion } = job.metadata ?? {}
  const reference = { apiVersion: 'batch/v1', kind: 'Job', name, namespace, uid, resourceVersion }
  status.active = [...(status.active ?? []).filter((each) => each.uid !== uid), reference] as NonNullable<Status['active']>
  status.lastScheduleTime = formatTime(dueMs)
  return next
}

/** The Job of a time, made now or found; undefined when there can be none. */
async function createJob({ client, recorder }: ReconcileContext, cronJob: CronJob, dueMs: number): Promise<Job | undefined> {
  const { metadata, spec } = cronJob.spec.jobTemplate
  const { name = '', namespace = '' } = cronJob.metadata ?? {}
  const job: Job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `${name}-${Math.floor(dueMs / 60_000)}`,
      namespace,
      ...(metadata?.labels && { labels: metadata.labels }),
      annotations: { ...metadata?.annotations, [SCHEDULED]: formatTime(dueMs) },
      ownerReferences: [controllerReference(cronJob, cronJobs as never)],
    },
    ...(spec !== undefined && { spec }),
  }
  try {
    const created = await client.create(jobs, job)
    recorder.event(cronJob, 'Normal', 'SuccessfulCreate', `Created job ${job.metadata!.name}`)
    return created
  } catch (error) {
    if (isNamespaceTerminating(error)) return undefined
    if (!isAlreadyExists(error)) {
      recorder.event(cronJob, 'Warning', 'FailedCreate', `Error creating job: ${(error as Error).message}`)
      throw error
    }
    const existing = await client.find(jobs, keyOf(job))
    return existing !== undefined && controllerOf(existing)?.uid === cronJob.metadata?.uid ? existing : undefined
  }
}
