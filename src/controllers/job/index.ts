import { type Job, jobs, type Pod, pods } from '#api'
import { formatTime, keyOf, selects } from '#meta'
import {
  claim,
  controllerOf,
  defineController,
  deletePods,
  done,
  ownerKeys,
  type ReconcileContext,
  type Result,
  requeueAt,
  selectingKeys,
  watch,
} from '../framework/index.ts'
import { type FailureRecord, NO_FAILURES, recordAfter } from './backoff.ts'
import { isTracked, TRACKING } from './pods.ts'
import { type Population, populate, releasePods } from './population.ts'
import { publish } from './status.ts'
import { type Tally, tallyOf } from './tally.ts'
import { completed, deadlineMs, hasCondition, isFinished, judge } from './verdict.ts'

const MANAGER = 'kubernetes.io/job-controller'

/**
 * Runs pods to completion. A finished pod is counted once: it keeps a finalizer until its outcome is on record (KEP-2307), so that a pod that is deleted early is
 * neither lost nor counted twice.
 */
export const jobController = defineController<Job>({
  name: 'job-controller',
  for: jobs,
  watches: [
    watch(pods, function* (pod, { cache }) {
      yield* ownerKeys(pod, jobs as never)
      yield* selectingKeys(pod, cache(jobs))
    }),
  ],
  prepare({ cache }) {
    cache(pods).addIndex('namespace', ({ metadata }) => [metadata?.namespace ?? ''])
  },
  async reconcile(context): Promise<Result> {
    const { key, cache, client, clock, expectations } = context
    const cached = cache(jobs).get(key)
    if (cached === undefined) {
      expectations.forget(key)
      forgetRecord(context)
      return done
    }
    expectations.observeMissing(key, 'v', new Set([version(cached)]))
    if (expectations.awaits(key, version(cached)) || isManagedElsewhere(cached)) return done
    if (isFinished(cached)) {
      forgetRecord(context)
      return done
    }
    const candidates = cache(pods).byIndex('namespace', cached.metadata?.namespace ?? '')
    const ownerResource = jobs as never
    const owned = await claim({ owner: cached, ownerResource, resource: pods, candidates, client, finalizer: TRACKING })
    const job = started(cached, clock.now())
    const tally = tallyOf(job, owned)
    const record = recordAfter(recordOf(context), tally.newlySucceeded, tally.newlyFailed)
    // What is not in the cache yet may run all the same, and so no end is announced.
    const isTrusted = expectations.satisfied(key)
    const verdict = judge(job, tally, owned, clock.now())
    const population = verdict === undefined ? await keep(context, job, owned, tally, record) : await stop(context, job, tally)
    const settled =
      isTrusted && population.error === undefined ? (verdict ?? completed(job, tally, population.active)) : undefined
    await publish(context, { before: cached, job, owned, tally, population, verdict: settled })
    saveRecord(context, record)
    if (population.error !== undefined) throw population.error
    return nextTurn(job, population, clock.now())
  },
})

/** Frees pods from the tracking finalizer that no Job will ever count: orphans, and those of Jobs that are over or gone. */
export const orphanedJobPods = defineController({
  name: 'job-controller',
  for: pods,
  watches: [
    watch(jobs, (job, { cache }) =>
      isFinished(job) || cache(jobs).get(keyOf(job)) === undefined
        ? cache(pods)
            .byIndex('namespace', job.metadata?.namespace ?? '')
            .filter(isTracked)
            .map(keyOf)
        : [],
    ),
  ],
  prepare({ cache }) {
    cache(pods).addIndex('namespace', ({ metadata }) => [metadata?.namespace ?? ''])
  },
  async reconcile({ key, cache, client }): Promise<Result> {
    const pod = cache(pods).get(key)
    if (pod === undefined || !isTracked(pod)) return done
    const owner = controllerOf(pod)
    if (owner?.kind === 'Job') {
      const job = cache(jobs).get(`${pod.metadata?.namespace}/${owner.name}`)
      if (job?.metadata?.uid === owner.uid && (isManagedElsewhere(job) || !isFinished(job))) return done
    } else if (
      owner === undefined &&
      cache(jobs)
        .list({ namespace: pod.metadata?.namespace })
        .some((job) => mayAdopt(job, pod))
    )
      return done
    await releasePods({ client }, [pod])
    return done
  },
})

/** An orphan may still be adopted by a Job that selects it; that Job's own turn decides. */
const mayAdopt = (job: Job, { metadata }: Pod): boolean =>
  !isFinished(job) && job.metadata?.deletionTimestamp === undefined && selects(job.spec?.selector, metadata?.labels)

const isManagedElsewhere = ({ spec }: Job): boolean => spec?.managedBy !== undefined && spec.managedBy !== MANAGER

/** What the last write replaced. While the cache still shows it, acting on it would count and create twice. */
const version = ({ metadata }: Job): string => `v${metadata?.resourceVersion}`

/** With the time at which it started, or started again; without one while it is suspended. */
function started(job: Job, nowMs: number): Job {
  const goesOn = job.status?.startTime === undefined || hasCondition(job, 'Suspended')
  if (job.spec?.suspend) {
    // What is gone while nothing runs may be set anew when the Job goes on; a Job that runs keeps its time.
    const { startTime: _, ...status } = job.status ?? {}
    return { ...job, status }
  }
  return goesOn ? { ...job, status: { ...job.status, startTime: formatTime(nowMs) } } : job
}

async function keep(
  context: ReconcileContext,
  job: Job,
  owned: Parameters<typeof populate>[2],
  tally: Tally,
  record: FailureRecord,
): Promise<Population> {
  if (job.metadata?.deletionTimestamp !== undefined || !context.expectations.satisfied(context.key))
    return { active: tally.active.length, deleted: [], error: undefined }
  return populate(context, job, owned, tally, record)
}

/** Deletes what still runs; these pods count as failed where the Job has failed. */
async function stop(context: ReconcileContext, job: Job, { active }: Tally): Promise<Population> {
  const error = await deletePods(context, job, active)
  return error === undefined ? { active: 0, deleted: active, error } : { active: active.length, deleted: [], error }
}

/** When the Job failed last is remembered by this process alone; one that starts anew is only less patient. */
function recordOf({ memory, key }: ReconcileContext): FailureRecord {
  const failures = memory.get(`${key}#failures`)
  return failures === undefined ? NO_FAILURES : { failures, lastFailureMs: memory.get(`${key}#lastFailureMs`) ?? 0 }
}

function saveRecord({ memory, key }: ReconcileContext, { failures, lastFailureMs }: FailureRecord): void {
  memory.set(`${key}#failures`, failures)
  memory.set(`${key}#lastFailureMs`, lastFailureMs)
}

function forgetRecord({ memory, key }: ReconcileContext): void {
  memory.delete(`${key}#failures`)
  memory.delete(`${key}#lastFailureMs`)
}

function nextTurn(job: Job, { againAtMs }: Population, nowMs: number): Result {
  const times = [againAtMs, deadlineMs(job)].filter((time) => time !== undefined && time > nowMs) as number[]
  return times.length > 0 ? requeueAt(Math.min(...times)) : done
}
