import { isPodActive, isPodReady, isPodTerminal, isPodTerminating, type Job, type Pod } from '#api'
import { matchFailurePolicy } from './failure-policy.ts'
import { parseIndexes } from './indexes.ts'
import {
  allFailuresBefore,
  failuresBefore,
  finishedAtMs,
  hasFailed,
  hasLimitPerIndex,
  hasSucceeded,
  indexOf,
  isIndexed,
  isTracked,
} from './pods.ts'

/** What the pods and the record of a Job say together; nothing is counted twice. */
export interface Tally {
  readonly active: readonly Pod[]
  readonly terminating: readonly Pod[]
  /** Ended, still held by the finalizer, and not on record yet. */
  readonly newlySucceeded: readonly Pod[]
  readonly newlyFailed: readonly Pod[]
  /** On record or about to be. */
  readonly succeeded: number
  readonly failed: number
  readonly succeededIndexes: ReadonlySet<number>
  readonly failedIndexes: ReadonlySet<number>
  /** The last failed pod of each index that waits for its next; it is kept since it carries the index's count of failures. */
  readonly lastFailed: ReadonlyMap<number, Pod>
}

export function tallyOf(job: Job, owned: readonly Pod[]): Tally {
  const { succeeded: namedSucceeded = [], failed: namedFailed = [] } = job.status?.uncountedTerminatedPods ?? {}
  const tracked = owned.filter(isTracked)
  const active = owned.filter(isPodActive)
  const isNew = (pod: Pod, named: readonly string[]): boolean => !named.includes(pod.metadata?.uid ?? '')
  const newlySucceeded = tracked.filter((pod) => hasSucceeded(pod) && isNew(pod, namedSucceeded))
  const newlyFailed = tracked.filter((pod) => hasFailed(pod, job) && isNew(pod, namedFailed))
  const succeededIndexes = succeededIndexesOf(job, newlySucceeded)
  const failedIndexes = failedIndexesOf(job, tracked)
  return {
    active,
    terminating: owned.filter((pod) => isPodTerminating(pod) && !isPodTerminal(pod)),
    newlySucceeded,
    newlyFailed,
    succeeded: isIndexed(job)
      ? succeededIndexes.size
      : (job.status?.succeeded ?? 0) + namedSucceeded.length + newlySucceeded.length,
    failed:
      (job.status?.failed ?? 0) + namedFailed.length + newlyFailed.filter((pod) => matchFailurePolicy(job, pod).counts).length,
    succeededIndexes,
    failedIndexes,
    lastFailed: lastFailedOf(job, tracked, new Set([...succeededIndexes, ...failedIndexes, ...indexesOf(job, active)])),
  }
}

export const readyCount = (active: readonly Pod[]): number => active.filter(isPodReady).length

export const indexesOf = (job: Job, some: readonly Pod[]): Set<number> =>
  new Set(some.map((pod) => indexOf(pod, job)).filter((index) => index !== undefined))

function succeededIndexesOf(job: Job, newly: readonly Pod[]): ReadonlySet<number> {
  if (!isIndexed(job)) return new Set()
  return parseIndexes(job.status?.completedIndexes, job.spec?.completions ?? 0).union(indexesOf(job, newly))
}

function failedIndexesOf(job: Job, tracked: readonly Pod[]): ReadonlySet<number> {
  if (!hasLimitPerIndex(job)) return new Set()
  const lost = tracked.filter((pod) => hasFailed(pod, job) && isIndexLost(job, pod))
  return parseIndexes(job.status?.failedIndexes, job.spec?.completions ?? 0).union(indexesOf(job, lost))
}

/** Whether the failure of this pod was the last that its index is allowed. */
function isIndexLost(job: Job, pod: Pod): boolean {
  const { action, counts } = matchFailurePolicy(job, pod)
  return action === 'FailIndex' || (counts && failuresBefore(pod) >= (job.spec?.backoffLimitPerIndex ?? 0))
}

function lastFailedOf(job: Job, tracked: readonly Pod[], settled: ReadonlySet<number>): ReadonlyMap<number, Pod> {
  const last = new Map<number, Pod>()
  if (!hasLimitPerIndex(job)) return last
  for (const pod of tracked) {
    const index = indexOf(pod, job)
    if (index === undefined || settled.has(index) || !hasFailed(pod, job)) continue
    const other = last.get(index)
    const isLater =
      other === undefined || allFailuresBefore(pod) > allFailuresBefore(other) || finishedAtMs(pod) > finishedAtMs(other)
    if (isLater) last.set(index, pod)
  }
  return last
}
