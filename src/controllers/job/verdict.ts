import type { Job, JobCondition, Pod } from '#api'
import { matchFailurePolicy } from './failure-policy.ts'
import { hasFailed, hasLimitPerIndex } from './pods.ts'
import { matchSuccessPolicy } from './success-policy.ts'
import type { Tally } from './tally.ts'

/** How a Job ends. It is announced (`FailureTarget`, `SuccessCriteriaMet`) before its pods are let go, and final only when they are gone. */
export interface Verdict {
  readonly outcome: 'Complete' | 'Failed'
  readonly reason: string
  readonly message: string
}

const failed = (reason: string, message: string): Verdict => ({ outcome: 'Failed', reason, message })

export const hasCondition = ({ status }: Job, type: string): boolean => condition(status?.conditions, type) !== undefined

const condition = (conditions: readonly JobCondition[] | undefined, type: string): JobCondition | undefined =>
  conditions?.find((each) => each.type === type && each.status === 'True')

export const isFinished = (job: Job): boolean => hasCondition(job, 'Complete') || hasCondition(job, 'Failed')

/** Whether the Job has to stop now: as announced before, or because it failed or met its success policy. */
export function judge(job: Job, tally: Tally, owned: readonly Pod[], nowMs: number): Verdict | undefined {
  return (
    announced(job) ??
    failedByPolicy(job, owned) ??
    failedByLimit(job, tally, owned) ??
    failedByDeadline(job, nowMs) ??
    failedByIndexes(job, tally) ??
    succeededByPolicy(job, tally)
  )
}

/** All completions are there and nothing runs any more. */
export function completed({ spec }: Job, tally: Tally, active: number): Verdict | undefined {
  const isComplete = active === 0 && (spec?.completions === undefined ? tally.succeeded > 0 : tally.succeeded >= spec.completions)
  return isComplete
    ? { outcome: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' }
    : undefined
}

export const isPastDeadline = (job: Job, nowMs: number): boolean => (deadlineMs(job) ?? Number.POSITIVE_INFINITY) <= nowMs

/** Milliseconds since the epoch; a suspended Job's clock does not run. */
export function deadlineMs({ spec, status }: Job): number | undefined {
  if (spec?.activeDeadlineSeconds === undefined || spec.suspend || status?.startTime === undefined) return undefined
  return Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000
}

function announced({ status }: Job): Verdict | undefined {
  const met = condition(status?.conditions, 'SuccessCriteriaMet')
  const target = met ?? condition(status?.conditions, 'FailureTarget')
  if (target === undefined) return undefined
  return { outcome: met === undefined ? 'Failed' : 'Complete', reason: target.reason ?? '', message: target.message ?? '' }
}

function failedByPolicy(job: Job, owned: readonly Pod[]): Verdict | undefined {
  if (job.spec?.podFailurePolicy === undefined) return undefined
  for (const pod of owned) {
    const message = hasFailed(pod, job) ? matchFailurePolicy(job, pod).message : undefined
    if (message !== undefined) return failed('PodFailurePolicy', message)
  }
  return undefined
}

function failedByLimit(job: Job, tally: Tally, owned: readonly Pod[]): Verdict | undefined {
  const limit = job.spec?.backoffLimit ?? 6
  return tally.failed > limit || hasTooManyRestarts(job, owned, limit)
    ? failed('BackoffLimitExceeded', 'Job has reached the specified backoff limit')
    : undefined
}

/** Containers that restart in place count as retries too. */
function hasTooManyRestarts({ spec }: Job, owned: readonly Pod[], limit: number): boolean {
  if (spec?.template?.spec?.restartPolicy !== 'OnFailure') return false
  let restarts = 0
  for (const { status } of owned.filter((pod) => pod.status?.phase === 'Running' || pod.status?.phase === 'Pending')) {
    for (const { restartCount } of [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])])
      restarts += restartCount
  }
  return restarts > 0 && restarts >= limit
}

const failedByDeadline = (job: Job, nowMs: number): Verdict | undefined =>
  isPastDeadline(job, nowMs) ? failed('DeadlineExceeded', 'Job was active longer than specified deadline') : undefined

function failedByIndexes(job: Job, { failedIndexes, succeededIndexes }: Tally): Verdict | undefined {
  if (!hasLimitPerIndex(job) || failedIndexes.size === 0) return undefined
  const { maxFailedIndexes, completions = 0 } = job.spec ?? {}
  if (maxFailedIndexes !== undefined && failedIndexes.size > maxFailedIndexes)
    return failed('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes')
  return failedIndexes.size + succeededIndexes.size >= completions ? failed('FailedIndexes', 'Job has failed indexes') : undefined
}

function succeededByPolicy(job: Job, { succeededIndexes }: Tally): Verdict | undefined {
  const message = matchSuccessPolicy(job, succeededIndexes)
  return message === undefined ? undefined : { outcome: 'Complete', reason: 'SuccessPolicy', message }
}
