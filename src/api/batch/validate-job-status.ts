import { deepEqual } from '#base'
import type { Job, JobStatus } from '../generated/types.ts'
import {
  duplicateValue,
  type Findings,
  IMMUTABLE,
  invalidValue,
  nonNegative,
  required,
  withoutValue,
} from '../validation/findings.ts'
import { countIndexes, overlapOf } from './job-indexes.ts'

const is = ({ conditions }: JobStatus, type: string): boolean =>
  conditions?.some((each) => each.type === type && each.status === 'True') ?? false

const isFinished = (status: JobStatus): boolean => is(status, 'Complete') || is(status, 'Failed')

/** What a rule looks at, and whether any of the parts that it is about is other than it was. */
interface Change {
  readonly job: Job
  readonly now: JobStatus
  readonly old: JobStatus
  /** Names of fields, and of conditions; `Finished` is either end. */
  changed(...parts: readonly string[]): boolean
}

/**
 * A Job ends once, in an order that its watchers rely on. Most rules are asked only of what changes: who changed the spec a moment
 * ago must leave the controller time to follow (KEP-4368).
 */
export function validateJobStatus(job: Job, { status: old = {} }: Job, found: Findings): void {
  const now = job.status ?? {}
  const partOf = (status: JobStatus, part: string): unknown => {
    if (part === 'Finished') return isFinished(status)
    return /^[A-Z]/.test(part) ? is(status, part) : status[part as keyof JobStatus]
  }
  const changed = (...parts: readonly string[]): boolean => parts.some((part) => !deepEqual(partOf(now, part), partOf(old, part)))
  const change: Change = { job, now, old, changed }
  for (const key of ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const)
    nonNegative(now[key], `status.${key}`, found)
  validateUncounted(now, found)
  validateEnd(change, found)
  validateFinished(change, found)
  validateIndexes(change, found)
  validatePods(change, found)
  validateSuccess(change, found)
  validateTransition(change, found)
}

function validateUncounted({ uncountedTerminatedPods: pods }: JobStatus, found: Findings): void {
  const seen = new Set<string>()
  for (const list of ['succeeded', 'failed'] as const) {
    for (const [index, uid] of (pods?.[list] ?? []).entries()) {
      const path = `status.uncountedTerminatedPods.${list}[${index}]`
      if (uid === '') found.push(invalidValue(path, uid, 'must not be empty'))
      else if (seen.has(uid)) found.push(duplicateValue(path, uid))
      seen.add(uid)
    }
  }
}

function validateEnd({ now, changed }: Change, found: Findings): void {
  const path = 'status.conditions'
  const isComplete = is(now, 'Complete')
  if (changed('Complete', 'Failed') && isComplete && is(now, 'Failed'))
    found.push(withoutValue(path, 'cannot set Complete=True and Failed=true conditions'))
  if (changed('Complete', 'FailureTarget') && isComplete && is(now, 'FailureTarget'))
    found.push(withoutValue(path, 'cannot set Complete=True and FailureTarget=true conditions'))
  const { completionTime: end, startTime: start } = now
  if (changed('Complete', 'completionTime')) {
    if (end !== undefined && !isComplete)
      found.push(invalidValue('status.completionTime', end, 'cannot set completionTime when there is no Complete=True condition'))
    if (end === undefined && isComplete)
      found.push(required('status.completionTime', 'completionTime is required for Complete jobs'))
  }
  if (changed('startTime', 'completionTime') && start !== undefined && end !== undefined && Date.parse(end) < Date.parse(start))
    found.push(invalidValue('status.completionTime', end, 'must be equal to or after `startTime`'))
  if (changed('Failed', 'failedIndexes') && is(now, 'Failed') && !is(now, 'FailureTarget'))
    found.push(withoutValue(path, 'cannot set Failed=True condition without the FailureTarget=true condition'))
  if (changed('Complete', 'SuccessCriteriaMet') && isComplete && !is(now, 'SuccessCriteriaMet'))
    found.push(withoutValue(path, 'cannot set Complete=True condition without the SuccessCriteriaMet=true condition'))
}

function validateFinished({ now, changed }: Change, found: Findings): void {
  if (!isFinished(now)) return
  const { active = 0, startTime, uncountedTerminatedPods: pods } = now
  if (changed('Finished', 'active') && active > 0)
    found.push(invalidValue('status.active', active, 'active>0 is invalid for finished job'))
  if (changed('Finished', 'startTime') && startTime === undefined)
    found.push(required('status.startTime', 'startTime is required for finished job'))
  const uncounted = (pods?.succeeded?.length ?? 0) + (pods?.failed?.length ?? 0)
  if (changed('Finished', 'uncountedTerminatedPods') && uncounted > 0)
    found.push(invalidValue('status.uncountedTerminatedPods', pods, 'must be empty for finished job'))
}

function validateIndexes({ job: { spec }, now, changed }: Change, found: Findings): void {
  const { completions, backoffLimitPerIndex } = spec ?? {}
  const { completedIndexes: done = '', failedIndexes: failed } = now
  const [ofDone, ofFailed] = [changed('completedIndexes'), changed('failedIndexes')]
  const parsed = (text: string, name: string, found: Findings): void => {
    const counted = countIndexes(text, completions ?? 0)
    if (typeof counted === 'string') found.push(invalidValue(`status.${name}`, text, `error parsing ${name}: ${counted}`))
  }
  if (ofDone && completions !== undefined) parsed(done, 'completedIndexes', found)
  if (ofFailed && completions !== undefined && backoffLimitPerIndex !== undefined && failed !== undefined)
    parsed(failed, 'failedIndexes', found)
  if (ofDone && done !== '' && spec?.completionMode !== 'Indexed')
    found.push(
      invalidValue('status.completedIndexes', done, 'cannot set non-empty completedIndexes when non-indexed completion mode'),
    )
  if (ofFailed && backoffLimitPerIndex === undefined && failed !== undefined)
    found.push(
      invalidValue('status.failedIndexes', failed, 'cannot set non-null failedIndexes when backoffLimitPerIndex is null'),
    )
  if (!(ofDone || ofFailed) || completions === undefined || !failed || done === '') return
  const common = overlapOf(done, failed)
  if (common !== undefined)
    found.push(invalidValue('status.failedIndexes', failed, `failedIndexes and completedIndexes overlap at index: ${common}`))
}

function validatePods({ now, changed }: Change, found: Findings): void {
  const { active = 0, ready, terminating } = now
  if (changed('Finished', 'terminating') && terminating !== undefined && terminating > 0 && isFinished(now))
    found.push(invalidValue('status.terminating', terminating, 'terminating>0 is invalid for finished job'))
  if (changed('ready', 'active') && ready !== undefined && ready > active)
    found.push(invalidValue('status.ready', ready, 'cannot set more ready pods than active'))
}

function validateSuccess({ job: { spec }, now }: Change, found: Findings): void {
  const path = 'status.conditions'
  const isMet = is(now, 'SuccessCriteriaMet')
  if (isMet && is(now, 'Failed')) found.push(withoutValue(path, 'cannot set SuccessCriteriaMet=True and Failed=true conditions'))
  if (isMet && is(now, 'FailureTarget'))
    found.push(withoutValue(path, 'cannot set SuccessCriteriaMet=True and FailureTarget=true conditions'))
  if (spec?.successPolicy !== undefined && !isMet && is(now, 'Complete'))
    found.push(withoutValue(path, 'cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True'))
}

function validateTransition({ job: { spec }, now, old }: Change, found: Findings): void {
  const path = 'status.conditions'
  for (const type of ['Failed', 'Complete', 'FailureTarget']) {
    if (is(old, type) && !is(now, type)) found.push(withoutValue(path, `cannot disable the terminal ${type}=True condition`))
  }
  if ((now.failed ?? 0) < (old.failed ?? 0))
    found.push(invalidValue('status.failed', now.failed ?? 0, 'cannot decrease the failed counter'))
  // An indexed Job that is as wide as it is long may shrink.
  const mayShrink = spec?.completionMode === 'Indexed' && spec.completions === spec.parallelism
  if (!mayShrink && (now.succeeded ?? 0) < (old.succeeded ?? 0))
    found.push(invalidValue('status.succeeded', now.succeeded ?? 0, 'cannot decrease the succeeded counter'))
  const { completionTime: end, startTime: start } = now
  if (end !== undefined && old.completionTime !== undefined && end !== old.completionTime)
    found.push(invalidValue('status.completionTime', end, IMMUTABLE))
  if (old.startTime !== undefined && old.startTime !== start && spec?.suspend !== true)
    found.push(required('status.startTime', 'startTime cannot be removed for unsuspended job'))
  const [isMet, wasMet] = [is(now, 'SuccessCriteriaMet'), is(old, 'SuccessCriteriaMet')]
  if (wasMet && !isMet) found.push(withoutValue(path, 'cannot disable the SuccessCriteriaMet=True condition'))
  if (is(old, 'Complete') && !wasMet && isMet)
    found.push(withoutValue(path, 'cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions'))
}
