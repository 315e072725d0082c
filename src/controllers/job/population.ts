import { isPodTerminating, type Job, type Pod, pods } from '#api'
import { isConflict, isNotFound, keyOf } from '#meta'
import { BURST_MAX, createPods, deletePods, type ReconcileContext, rankForDeletion } from '../framework/index.ts'
import { type FailureRecord, indexRetryAtMs, retryAtMs } from './backoff.ts'
import { matchFailurePolicy } from './failure-policy.ts'
import { hasLimitPerIndex, indexOf, isIndexed, isTracked, markReleased, podFor, replacesOnlyFailed, TRACKING } from './pods.ts'
import { indexesOf, type Tally } from './tally.ts'

/** What became of the active pods in this turn. */
export interface Population {
  readonly active: number
  readonly deleted: readonly Pod[]
  readonly error: unknown
  /** Milliseconds since the epoch at which more pods may be made. */
  readonly againAtMs?: number | undefined
}

/** Brings the number of active pods to what is wanted: deletes in one turn, creates in another. */
export async function populate(
  context: ReconcileContext,
  job: Job,
  owned: readonly Pod[],
  tally: Tally,
  record: FailureRecord,
): Promise<Population> {
  const active = tally.active.length
  const wanted = wantedOf(job, tally)
  const surplus = surplusOf(job, tally.active, Math.max(0, active - wanted)).slice(0, BURST_MAX)
  if (surplus.length > 0) {
    // They are not wanted, and so neither a success nor a failure.
    await releasePods(context, surplus)
    const error = await deletePods(context, job, surplus)
    return { active: active - surplus.length, deleted: surplus, error }
  }
  const going = replacesOnlyFailed(job) ? tally.terminating.length : 0
  const missing = wanted - going - active
  if (missing <= 0) return { active, deleted: [], error: undefined }
  const nowMs = context.clock.now()
  if (!hasLimitPerIndex(job) && retryAtMs(record) > nowMs)
    return { active, deleted: [], error: undefined, againAtMs: retryAtMs(record) }
  const pending = isIndexed(job) ? pendingIndexes(job, owned, tally, Math.min(missing, BURST_MAX)) : undefined
  const free = pending?.filter((index) => freeAtMs(tally, index) <= nowMs)
  const { succeeded, error } = await createPods(context, job, free?.length ?? missing, (at) => {
    const index = free?.[at]
    return podFor(
      job,
      context.random.suffix(5),
      index === undefined ? undefined : { index, replaces: replaced(job, tally, index) },
    )
  })
  const waiting = (pending ?? []).map((index) => freeAtMs(tally, index)).filter((time) => time > nowMs)
  return {
    active: active + succeeded,
    deleted: [],
    error,
    ...(waiting.length > 0 && { againAtMs: Math.min(...waiting) }),
  }
}

/** Lets pods go from the tracking finalizer. */
export async function releasePods({ client }: Pick<ReconcileContext, 'client'>, some: readonly Pod[]): Promise<void> {
  const results = await Promise.allSettled(
    some.filter(isTracked).map(async (pod) => {
      const metadata = { uid: pod.metadata?.uid, '$deleteFromPrimitiveList/finalizers': [TRACKING] }
      try {
        await client.patch(pods, keyOf(pod), { metadata }, { type: 'strategic' })
        markReleased(pod)
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) throw error
      }
    }),
  )
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

function wantedOf({ spec }: Job, { active, succeeded }: Tally): number {
  if (spec?.suspend) return 0
  const { parallelism = 1, completions } = spec ?? {}
  // Without a number of completions one success is the sign for all others to finish what they do.
  if (completions === undefined) return succeeded > 0 ? active.length : parallelism
  return Math.max(0, Math.min(parallelism, completions - succeeded))
}

/** Pods without a valid index and all but one of each index, and then as many more as are too many. */
function surplusOf(job: Job, active: readonly Pod[], atLeast: number): Pod[] {
  const surplus: Pod[] = []
  const rest: Pod[] = []
  const taken = new Set<number>()
  // The pod that has come farthest keeps its index.
  for (const pod of isIndexed(job) ? rankForDeletion(active).reverse() : active) {
    const index = indexOf(pod, job)
    const isDouble = isIndexed(job) && (index === undefined || taken.has(index))
    if (index !== undefined) taken.add(index)
    ;(isDouble ? surplus : rest).push(pod)
  }
  return [...surplus, ...rankForDeletion(rest).slice(0, Math.max(0, atLeast - surplus.length))]
}

/** The lowest indexes that nobody has done, failed or works on, at most `max`. */
function pendingIndexes(job: Job, owned: readonly Pod[], tally: Tally, max: number): number[] {
  const busy = replacesOnlyFailed(job) ? [...tally.active, ...owned.filter(isPodTerminating)] : tally.active
  const taken = new Set([...tally.succeededIndexes, ...tally.failedIndexes, ...indexesOf(job, busy)])
  const pending: number[] = []
  for (let index = 0; index < (job.spec?.completions ?? 0) && pending.length < max; index++)
    if (!taken.has(index)) pending.push(index)
  return pending
}

function freeAtMs({ lastFailed }: Tally, index: number): number {
  const pod = lastFailed.get(index)
  return pod === undefined ? 0 : indexRetryAtMs(pod)
}

function replaced(job: Job, { lastFailed }: Tally, index: number): { pod: Pod; counts: boolean } | undefined {
  const pod = lastFailed.get(index)
  return pod === undefined ? undefined : { pod, counts: matchFailurePolicy(job, pod).counts }
}
