import { isPodActive, isPodReady, isPodTerminal, type Job, type JobCondition, jobs, type Pod, pods } from '#api'
import { deepEqual } from '#base'
import { formatTime, isConflict, isNotFound, keyOf } from '#meta'
import {
  claim,
  controllerOf,
  defineController,
  done,
  type Expectations,
  ownerKeys,
  type ReconcileContext,
  type Result,
  requeueAt,
  selectingKeys,
  slowStart,
  watch,
} from '../framework/index.ts'
import { parseIndexes, printIndexes } from './indexes.ts'
import { indexOf, isIndexed, podFor, TRACKING } from './pods.ts'

const BACKOFF_MS = 10_000
const BACKOFF_MS_MAX = 600_000

type Status = NonNullable<Job['status']>

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
  async reconcile(context): Promise<Result> {
    const { key, cache, client, clock } = context
    const [namespace = '', name = ''] = key.split('/')
    const job = cache(jobs).get(key)
    const all = cache(pods).list({ namespace })
    if (job === undefined || job.metadata?.deletionTimestamp !== undefined) {
      await releaseAll(
        context,
        all.filter(
          (pod) =>
            controllerOf(pod)?.kind === 'Job' &&
            controllerOf(pod)?.name === name &&
            controllerOf(pod)?.uid !== undefined &&
            (job === undefined || controllerOf(pod)?.uid === job.metadata?.uid),
        ),
      )
      return done
    }
    const awaited = context.expectations
    for (const pod of all) awaited.observe(key, `+${pod.metadata?.name}`)
    const owned = await claim({ owner: job, ownerResource: jobs as never, resource: pods, candidates: all, client })
    if (finishedType(job) !== undefined) {
      await releaseAll(context, owned)
      return done
    }
    const status = await account(context, job, owned)
    const verdict = judge(job, status, owned, clock.now())
    let failure: unknown
    if (verdict !== undefined || job.spec?.suspend) await stop(context, job, owned)
    else if (awaited.satisfied(key)) failure = await create(context, job, status, owned, awaited)
    await finish(context, job, status, owned, verdict)
    if (failure !== undefined) throw failure
    return nextTurn(context, job, status, owned)
  },
})

const finishedType = ({ status }: Job): string | undefined =>
  status?.conditions?.find(({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True')?.type

const isTracked = ({ metadata }: Pod): boolean => metadata?.finalizers?.includes(TRACKING) ?? false

/** A pod that will not run any more, for the record: deleted before it ended counts as failed. */
const outcomeOf = (pod: Pod): 'succeeded' | 'failed' | undefined => {
  if (pod.status?.phase === 'Succeeded') return 'succeeded'
  if (pod.status?.phase === 'Failed') return 'failed'
  return undefined
}

/** Notes new outcomes, lets their pods go, and moves to the counts what has been let go before. */
async function account(context: ReconcileContext, job: Job, owned: readonly Pod[]): Promise<Status> {
  const status: Status = { ...job.status }
  const tracked = new Map(owned.filter(isTracked).map((pod) => [pod.metadata?.uid ?? '', pod]))
  const uncounted = {
    succeeded: [...(status.uncountedTerminatedPods?.succeeded ?? [])],
    failed: [...(status.uncountedTerminatedPods?.failed ?? [])],
  }
  const completed = parseIndexes(status.completedIndexes)
  for (const kind of ['succeeded', 'failed'] as const) {
    const gone = uncounted[kind].filter((uid) => !tracked.has(uid))
    uncounted[kind] = uncounted[kind].filter((uid) => tracked.has(uid))
    status[kind] = (status[kind] ?? 0) + (kind === 'succeeded' && isIndexed(job) ? 0 : gone.length)
  }
  for (const [uid, pod] of tracked) {
    const outcome = outcomeOf(pod)
    if (outcome === undefined || uncounted.succeeded.includes(uid) || uncounted.failed.includes(uid)) continue
    uncounted[outcome].push(uid)
  }
  if (isIndexed(job)) {
    for (const pod of owned)
      if (outcomeOf(pod) === 'succeeded' && indexOf(pod) >= 0 && indexOf(pod) < (job.spec?.completions ?? 0))
        completed.add(indexOf(pod))
    status.completedIndexes = printIndexes(completed)
    status.succeeded = completed.size
  }
  status.uncountedTerminatedPods = uncounted
  status.active = owned.filter(isPodActive).length
  status.ready = owned.filter((pod) => isPodActive(pod) && isPodReady(pod)).length
  status.terminating = owned.filter((pod) => pod.metadata?.deletionTimestamp !== undefined && !isPodTerminal(pod)).length
  if (!job.spec?.suspend) status.startTime ??= formatTime(context.clock.now())
  return status
}

interface Verdict {
  readonly type: 'Complete' | 'Failed'
  readonly reason: string
  readonly message: string
}

const succeededCount = (job: Job, status: Status): number =>
  (status.succeeded ?? 0) + (isIndexed(job) ? 0 : (status.uncountedTerminatedPods?.succeeded?.length ?? 0))
const failedCount = (status: Status): number => (status.failed ?? 0) + (status.uncountedTerminatedPods?.failed?.length ?? 0)

function judge(job: Job, status: Status, owned: readonly Pod[], nowMs: number): Verdict | undefined {
  const { completions, backoffLimit = 6, activeDeadlineSeconds } = job.spec ?? {}
  const pending = job.status?.conditions?.find(
    ({ type, status: is }) => (type === 'SuccessCriteriaMet' || type === 'FailureTarget') && is === 'True',
  )
  if (pending !== undefined)
    return {
      type: pending.type === 'FailureTarget' ? 'Failed' : 'Complete',
      reason: pending.reason ?? '',
      message: pending.message ?? '',
    }
  const restarts =
    job.spec?.template?.spec?.restartPolicy === 'OnFailure'
      ? owned
          .filter(isPodActive)
          .reduce(
            (sum, { status: each }) =>
              sum + (each?.containerStatuses ?? []).reduce((count, { restartCount }) => count + restartCount, 0),
            0,
          )
      : 0
  if (failedCount(status) > backoffLimit || (restarts > 0 && restarts >= backoffLimit)) {
    return { type: 'Failed', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' }
  }
  const startMs = Date.parse(status.startTime ?? '')
  if (activeDeadlineSeconds !== undefined && !job.spec?.suspend && nowMs >= startMs + activeDeadlineSeconds * 1000) {
    return { type: 'Failed', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' }
  }
  const succeeded = succeededCount(job, status)
  const complete = completions === undefined ? succeeded > 0 && status.active === 0 : succeeded >= completions
  return complete
    ? { type: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' }
    : undefined
}

async function create(
  context: ReconcileContext,
  job: Job,
  status: Status,
  owned: readonly Pod[],
  awaited: Expectations,
): Promise<unknown> {
  const { key, client, recorder, random } = context
  if (retryAt(job, status, owned) > context.clock.now()) return undefined
  const { parallelism = 1, completions } = job.spec ?? {}
  const active = owned.filter(isPodActive)
  const succeeded = succeededCount(job, status)
  const wanted =
    completions === undefined ? (succeeded > 0 ? active.length : parallelism) : Math.min(parallelism, completions - succeeded)
  const indexes = isIndexed(job) ? freeIndexes(job, status, active) : undefined
  const count = Math.max(0, Math.min(wanted - active.length, indexes?.length ?? Number.POSITIVE_INFINITY))
  const { error } = await slowStart(count, async (at) => {
    const pod = podFor(job, random.suffix(5), indexes?.[at])
    const id = `+${pod.metadata!.name}`
    awaited.expect(key, id)
    try {
      await client.create(pods, pod)
      recorder.event(job, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata!.name}`)
      status.active = (status.active ?? 0) + 1
    } catch (failed) {
      awaited.observe(key, id)
      recorder.event(job, 'Warning', 'FailedCreate', `Error creating: ${(failed as Error).message}`)
      throw failed
    }
  })
  return error
}

function freeIndexes(job: Job, status: Status, active: readonly Pod[]): number[] {
  const taken = new Set([...parseIndexes(status.completedIndexes), ...active.map(indexOf)])
  return Array.from({ length: job.spec?.completions ?? 0 }, (_, index) => index).filter((index) => !taken.has(index))
}

/** Milliseconds since the epoch before which no pod replaces a failed one; the delay doubles with each failure. */
function retryAt(job: Job, status: Status, owned: readonly Pod[]): number {
  const failures = failedCount(status)
  if (failures === 0 || job.spec?.template?.spec?.restartPolicy === 'OnFailure') return 0
  const ended = owned
    .filter((pod) => outcomeOf(pod) === 'failed')
    .flatMap(({ status: each }) =>
      (each?.containerStatuses ?? []).map(({ state }) => Date.parse(state?.terminated?.finishedAt ?? '') || 0),
    )
  return Math.max(0, ...ended) + Math.min(BACKOFF_MS * 2 ** (failures - 1), BACKOFF_MS_MAX)
}

async function stop({ client, recorder }: ReconcileContext, job: Job, owned: readonly Pod[]): Promise<void> {
  for (const pod of owned.filter(isPodActive)) {
    try {
      await client.delete(pods, keyOf(pod), { preconditions: { uid: pod.metadata?.uid ?? '' } })
      recorder.event(job, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata?.name}`)
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error
    }
  }
}

/** Writes the status first; only then may the finalizers go, since the pods are the proof of the counts. */
async function finish(
  context: ReconcileContext,
  job: Job,
  status: Status,
  owned: readonly Pod[],
  verdict: Verdict | undefined,
): Promise<void> {
  const { client, clock, recorder } = context
  const now = formatTime(clock.now())
  const condition = (type: string, reason: string, message: string): JobCondition => ({
    type,
    status: 'True',
    reason,
    message,
    lastProbeTime: now,
    lastTransitionTime: now,
  })
  const conditions = [...(job.status?.conditions ?? [])].filter(({ type }) => type !== 'Suspended' || job.spec?.suspend)
  const has = (type: string): boolean => conditions.some((each) => each.type === type)
  if (job.spec?.suspend && !has('Suspended')) {
    conditions.push(condition('Suspended', 'JobSuspended', 'Job suspended'))
    recorder.event(job, 'Normal', 'Suspended', 'Job suspended')
    delete status.startTime
  }
  if (verdict !== undefined) {
    const target = verdict.type === 'Failed' ? 'FailureTarget' : 'SuccessCriteriaMet'
    if (!has(target)) conditions.push(condition(target, verdict.reason, verdict.message))
    const uncounted = [...(status.uncountedTerminatedPods?.succeeded ?? []), ...(status.uncountedTerminatedPods?.failed ?? [])]
    const running = owned.some((pod) => !isPodTerminal(pod))
    if (!running && uncounted.length === 0 && !has(verdict.type)) {
      conditions.push(condition(verdict.type, verdict.reason, verdict.message))
      if (verdict.type === 'Complete') {
        status.completionTime = now
        recorder.event(job, 'Normal', 'Completed', 'Job completed')
      } else recorder.event(job, 'Warning', verdict.reason, verdict.message)
    }
  }
  if (conditions.length > 0) status.conditions = conditions
  else delete status.conditions
  if (!deepEqual(status, job.status)) await client.updateStatus(jobs, { ...job, status })
  const counted = new Set([
    ...(status.uncountedTerminatedPods?.succeeded ?? []),
    ...(status.uncountedTerminatedPods?.failed ?? []),
  ])
  await releaseAll(
    context,
    owned.filter((pod) => counted.has(pod.metadata?.uid ?? '')),
  )
}

async function releaseAll({ client }: ReconcileContext, candidates: readonly Pod[]): Promise<void> {
  for (const pod of candidates.filter(isTracked)) {
    const finalizers = (pod.metadata?.finalizers ?? []).filter((finalizer) => finalizer !== TRACKING)
    try {
      await client.patch(
        pods,
        keyOf(pod),
        { metadata: { uid: pod.metadata?.uid, finalizers: finalizers.length > 0 ? finalizers : null } },
        { type: 'merge' },
      )
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error
    }
  }
}

function nextTurn({ clock }: ReconcileContext, job: Job, status: Status, owned: readonly Pod[]): Result {
  const times: number[] = []
  const again = retryAt(job, status, owned)
  if (again > clock.now()) times.push(again)
  const seconds = job.spec?.activeDeadlineSeconds
  if (seconds !== undefined && status.startTime !== undefined) times.push(Date.parse(status.startTime) + seconds * 1000)
  const next = Math.min(...times.filter((time) => time > clock.now()))
  return Number.isFinite(next) ? requeueAt(next) : done
}
