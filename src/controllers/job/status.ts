import { type Job, type JobCondition, jobs, type Pod } from '#api'
import { deepEqual } from '#base'
import { formatTime } from '#meta'
import type { ReconcileContext } from '../framework/index.ts'
import { matchFailurePolicy } from './failure-policy.ts'
import { printIndexes } from './indexes.ts'
import { hasFailed, hasLimitPerIndex, hasSucceeded, indexOf, isIndexed, isTracked } from './pods.ts'
import { type Population, releasePods } from './population.ts'
import { readyCount, type Tally } from './tally.ts'
import type { Verdict } from './verdict.ts'

/** Pods on their way to the counts at one time; a status must stay small. */
const UNCOUNTED_MAX = 500

type Status = NonNullable<Job['status']>

export interface Outcome {
  /** As the cache has it. */
  readonly before: Job
  /** With its start time. */
  readonly job: Job
  readonly owned: readonly Pod[]
  readonly tally: Tally
  readonly population: Population
  readonly verdict: Verdict | undefined
}

/** Writes the status first; only then may the finalizers go, since the pods are the proof of the counts. */
export async function publish(context: ReconcileContext, outcome: Outcome): Promise<void> {
  const { before, job, owned, population, tally, verdict } = outcome
  const { client, key, expectations } = context
  const status: Status = { ...job.status }
  const free = countPods(outcome, status)
  status.active = population.active
  const gone = new Set(population.deleted)
  status.ready = readyCount(tally.active.filter((pod) => !gone.has(pod)))
  status.terminating = tally.terminating.length + population.deleted.length
  const events: Events = []
  const conditions = [...(status.conditions ?? [])]
  const now = formatTime(context.clock.now())
  if (verdict === undefined) suspension(job, conditions, events, now)
  else {
    announce(conditions, verdict, now)
    const isCounted = free.length === 0 && namedCount(status) === 0 && !owned.some(isTracked)
    if (isCounted && status.active === 0 && status.terminating === 0) conclude(status, job, conditions, verdict, events, now)
  }
  if (conditions.length > 0) status.conditions = conditions
  if (!deepEqual(status, before.status)) {
    const written = await client.updateStatus(jobs, { ...job, status })
    if (written.metadata?.resourceVersion !== before.metadata?.resourceVersion)
      expectations.expect(key, `v${before.metadata?.resourceVersion}`)
    for (const [type, reason, message] of events) context.recorder.event(job, type, reason, message)
  }
  await releasePods(context, free)
}

const namedCount = ({ uncountedTerminatedPods: named }: Status): number =>
  (named?.succeeded?.length ?? 0) + (named?.failed?.length ?? 0)

/** Moves to the counts what has been let go since, names what ended now, and yields the pods whose outcome the new status holds. */
function countPods({ job, owned, tally, verdict }: Outcome, status: Status): Pod[] {
  const tracked = new Map(owned.filter(isTracked).map((pod) => [pod.metadata?.uid ?? '', pod]))
  const named = { succeeded: [] as string[], failed: [] as string[] }
  for (const kind of ['succeeded', 'failed'] as const) {
    const known = status.uncountedTerminatedPods?.[kind] ?? []
    named[kind] = known.filter((uid) => tracked.has(uid))
    status[kind] = (status[kind] ?? 0) + known.length - named[kind].length
  }
  const free: Pod[] = []
  const kept = new Set([...tally.lastFailed.values()])
  let added = 0
  for (const [uid, pod] of tracked) {
    if (added >= UNCOUNTED_MAX) break
    if (!mayGo(job, pod, verdict, kept)) continue
    free.push(pod)
    if (named.succeeded.includes(uid) || named.failed.includes(uid)) continue
    const kind = kindOf(job, pod, verdict)
    if (kind === undefined) continue
    added++
    // The index is record enough of a success.
    if (kind === 'failed' || !isIndexed(job)) named[kind].push(uid)
  }
  status.uncountedTerminatedPods = Object.fromEntries(Object.entries(named).filter(([, uids]) => uids.length > 0))
  if (isIndexed(job)) {
    const recorded = tally.succeededIndexes
    status.completedIndexes = printIndexes(recorded)
    if (status.completedIndexes === '') delete status.completedIndexes
    status.succeeded = recorded.size
    if (hasLimitPerIndex(job)) status.failedIndexes = printIndexes(tally.failedIndexes)
  }
  return free
}

/** Whether the finalizer may go: the pod ended, or the Job did; but the pod that carries its index's count of failures stays. */
function mayGo(job: Job, pod: Pod, verdict: Verdict | undefined, kept: ReadonlySet<Pod>): boolean {
  if (job.metadata?.deletionTimestamp !== undefined || verdict !== undefined || hasSucceeded(pod)) return true
  return hasFailed(pod, job) && !kept.has(pod)
}

/** When a Job has failed, all that had not ended has failed with it. */
function kindOf(job: Job, pod: Pod, verdict: Verdict | undefined): 'succeeded' | 'failed' | undefined {
  if (hasSucceeded(pod)) return 'succeeded'
  if (!hasFailed(pod, job) && verdict?.outcome !== 'Failed') return undefined
  if (isIndexed(job) && indexOf(pod, job) === undefined) return undefined
  return matchFailurePolicy(job, pod).counts ? 'failed' : undefined
}

function add(conditions: JobCondition[], type: string, [reason, message]: readonly [string, string], now: string): void {
  conditions.push({ type, status: 'True', reason, message, lastProbeTime: now, lastTransitionTime: now })
}

function announce(conditions: JobCondition[], { outcome, reason, message }: Verdict, now: string): void {
  const type = outcome === 'Failed' ? 'FailureTarget' : 'SuccessCriteriaMet'
  if (!conditions.some((each) => each.type === type)) add(conditions, type, [reason, message], now)
}

type Events = [type: 'Normal' | 'Warning', reason: string, message: string][]

function conclude(status: Status, job: Job, conditions: JobCondition[], verdict: Verdict, events: Events, now: string): void {
  add(conditions, verdict.outcome, [verdict.reason, verdict.message], now)
  if (verdict.outcome === 'Failed') {
    events.push(['Warning', verdict.reason, verdict.message])
    return
  }
  status.completionTime = now
  const wanted = job.spec?.completions
  if (wanted !== undefined && (status.succeeded ?? 0) > wanted)
    events.push(['Warning', 'TooManySucceededPods', 'Too many succeeded pods running after completion count reached'])
  events.push(['Normal', 'Completed', 'Job completed'])
}

function suspension(job: Job, conditions: JobCondition[], events: Events, now: string): void {
  const at = conditions.findIndex(({ type }) => type === 'Suspended')
  const wasSuspended = conditions[at]?.status === 'True'
  const isSuspended = job.spec?.suspend === true
  if (wasSuspended === isSuspended) return
  const [reason, message] = isSuspended ? ['JobSuspended', 'Job suspended'] : ['JobResumed', 'Job resumed']
  if (at >= 0) conditions.splice(at, 1)
  add(conditions, 'Suspended', [reason!, message!], now)
  conditions.at(-1)!.status = isSuspended ? 'True' : 'False'
  events.push(['Normal', isSuspended ? 'Suspended' : 'Resumed', message!])
}
