import { deepEqual } from '#base'
import { validatePodTemplate } from '../core/validate-pod-spec.ts'
import type { CronJob, Job, JobSpec } from '../generated/types.ts'
import { domainPrefixedPath, labelSelector, matchesTemplate } from '../validation/common.ts'
import {
  type Findings,
  IMMUTABLE,
  invalidValue,
  nonNegative,
  oneOf,
  optionalOneOf,
  required,
  tooLong,
  unsupported,
} from '../validation/findings.ts'
import { dnsLabel } from '../validation/names.ts'
import { parseCron } from './cron.ts'
import { CONTROLLER_UID, LEGACY_CONTROLLER_UID } from './default-job.ts'
import { validateFailurePolicy, validateSuccessPolicy } from './validate-job-policies.ts'

/** Of pods at a time, and of failed indexes; from here on upstream's limits are stricter. */
const INDEXED_MAX = 100_000
const MANY_COMPLETIONS_LIMIT = 10_000
const MANAGED_BY_LENGTH_MAX = 63
const CRON_JOB_NAME_LENGTH_MAX = 52

export function* validateJob({ spec, metadata }: Job): Findings {
  if (spec?.selector === undefined) yield required('spec.selector')
  else yield* labelSelector(spec.selector, 'spec.selector')
  if (!spec?.manualSelector && spec?.template !== undefined) {
    const own = spec.template.metadata?.labels
    for (const key of [CONTROLLER_UID, LEGACY_CONTROLLER_UID]) {
      const value = own?.[key]
      if (value !== undefined && value !== metadata?.uid) {
        yield invalidValue('spec.template.metadata.labels', own, `must be '${metadata?.uid}'`)
      }
    }
  }
  yield* validateJobSpec(spec ?? ({} as JobSpec), 'spec')
  if (spec?.completionMode === 'Indexed' && (spec.completions ?? 0) > 0) {
    const host = `${metadata?.name}-${spec.completions! - 1}`
    if ([...dnsLabel(host)].length > 0)
      yield invalidValue('metadata.name', metadata?.name, `will not able to create pod with invalid DNS label: ${host}`)
  }
  if (spec?.selector !== undefined) yield* matchesTemplate(spec.selector, spec.template)
}

export function* validateJobSpec(spec: JobSpec, field: string): Findings {
  yield* nonNegative(spec.parallelism, `${field}.parallelism`)
  yield* nonNegative(spec.completions, `${field}.completions`)
  yield* nonNegative(spec.activeDeadlineSeconds, `${field}.activeDeadlineSeconds`)
  yield* nonNegative(spec.backoffLimit, `${field}.backoffLimit`)
  yield* nonNegative(spec.ttlSecondsAfterFinished, `${field}.ttlSecondsAfterFinished`)
  yield* nonNegative(spec.backoffLimitPerIndex, `${field}.backoffLimitPerIndex`)
  yield* nonNegative(spec.maxFailedIndexes, `${field}.maxFailedIndexes`)
  yield* optionalOneOf(spec.completionMode, ['Indexed', 'NonIndexed'], `${field}.completionMode`)
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined)
    yield required(`${field}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified')
  yield* validateManagedBy(spec.managedBy, `${field}.managedBy`)
  yield* validateCompletionMode(spec, field)
  yield* validateFailurePolicy(spec, `${field}.podFailurePolicy`)
  yield* validateSuccessPolicy(spec, `${field}.successPolicy`)
  yield* validatePodTemplate(spec.template, `${field}.template`)
  const restart = spec.template?.spec?.restartPolicy
  if (restart === 'Always') yield required(`${field}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"')
  else if (restart !== undefined && restart !== 'OnFailure' && restart !== 'Never') {
    yield unsupported(`${field}.template.spec.restartPolicy`, restart, ['OnFailure', 'Never'])
  }
  if (spec.podFailurePolicy !== undefined && restart !== 'Never') {
    yield invalidValue(
      `${field}.template.spec.restartPolicy`,
      restart,
      'only "Never" is supported when podFailurePolicy is specified',
    )
  }
  // What a failure policy says of a pod is known only when the pod has ended.
  const replacements = spec.podFailurePolicy === undefined ? ['Failed', 'TerminatingOrFailed'] : ['Failed']
  yield* optionalOneOf(spec.podReplacementPolicy, replacements, `${field}.podReplacementPolicy`)
}

function* validateManagedBy(manager: string | undefined, field: string): Findings {
  if (manager === undefined) return
  yield* domainPrefixedPath(manager, field)
  if (manager.length > MANAGED_BY_LENGTH_MAX) yield tooLong(field, MANAGED_BY_LENGTH_MAX)
}

function* validateCompletionMode(spec: JobSpec, field: string): Findings {
  const { completions, parallelism = 0, backoffLimitPerIndex, maxFailedIndexes } = spec
  if (spec.completionMode !== 'Indexed') {
    const rule = 'requires indexed completion mode'
    if (backoffLimitPerIndex !== undefined) yield invalidValue(`${field}.backoffLimitPerIndex`, backoffLimitPerIndex, rule)
    if (maxFailedIndexes !== undefined) yield invalidValue(`${field}.maxFailedIndexes`, maxFailedIndexes, rule)
    return
  }
  const upTo = (limit: number | string): string => `must be less than or equal to ${limit}`
  if (completions === undefined) yield required(`${field}.completions`, 'when completion mode is Indexed')
  if (parallelism > INDEXED_MAX)
    yield invalidValue(`${field}.parallelism`, parallelism, `${upTo(INDEXED_MAX)} when completion mode is Indexed`)
  if (completions === undefined) return
  if (maxFailedIndexes !== undefined) {
    if (maxFailedIndexes > completions) yield invalidValue(`${field}.maxFailedIndexes`, maxFailedIndexes, upTo(completions))
    if (maxFailedIndexes > INDEXED_MAX) yield invalidValue(`${field}.maxFailedIndexes`, maxFailedIndexes, upTo(INDEXED_MAX))
  }
  if (backoffLimitPerIndex === undefined || completions <= INDEXED_MAX) return
  // Lists of failed indexes must fit into a status.
  const many = `${upTo(MANY_COMPLETIONS_LIMIT)} when completions are above ${INDEXED_MAX} and used with backoff limit per index`
  if (maxFailedIndexes === undefined)
    yield required(`${field}.maxFailedIndexes`, `must be specified when completions is above ${INDEXED_MAX}`)
  else if (maxFailedIndexes > MANY_COMPLETIONS_LIMIT) yield invalidValue(`${field}.maxFailedIndexes`, maxFailedIndexes, many)
  if (parallelism > MANY_COMPLETIONS_LIMIT) yield invalidValue(`${field}.parallelism`, parallelism, many)
}

export function* validateJobUpdate({ spec }: Job, { spec: old, status }: Job): Findings {
  if (spec === undefined || old === undefined) return
  if (spec.completions !== old.completions) {
    if (spec.completionMode !== 'Indexed') yield invalidValue('spec.completions', spec.completions ?? null, IMMUTABLE)
    else if (spec.completions !== undefined && spec.completions !== spec.parallelism)
      yield invalidValue('spec.completions', spec.completions, 'can only be modified in tandem with spec.parallelism')
  }
  for (const key of [
    'selector',
    'completionMode',
    'podFailurePolicy',
    'backoffLimitPerIndex',
    'managedBy',
    'successPolicy',
  ] as const) {
    if (!deepEqual(spec[key], old[key])) yield invalidValue(`spec.${key}`, spec[key] ?? null, IMMUTABLE)
  }
  // Before its first start a suspended Job may still be told where to run.
  const schedulable = old.suspend && status?.startTime === undefined
  const [now, was] = schedulable ? [withoutScheduling(spec), withoutScheduling(old)] : [spec.template, old.template]
  if (!deepEqual(now, was)) yield invalidValue('spec.template', spec.template, IMMUTABLE)
}

function withoutScheduling({ template }: JobSpec): unknown {
  const { nodeSelector: _n, tolerations: _t, affinity: _a, schedulingGates: _g, ...spec } = template?.spec ?? { containers: [] }
  const { labels: _l, annotations: _an, ...metadata } = template?.metadata ?? {}
  return { spec, metadata }
}

export function* validateCronJob({ metadata, spec }: CronJob): Findings {
  const name = metadata?.name ?? ''
  // Its Jobs are named after it with eleven characters more.
  if (name.length > CRON_JOB_NAME_LENGTH_MAX) {
    yield invalidValue('metadata.name', name, `must be no more than ${CRON_JOB_NAME_LENGTH_MAX} characters`)
  }
  if (!spec?.schedule) yield required('spec.schedule')
  else yield* validateSchedule(spec.schedule, spec.timeZone !== undefined)
  if (spec?.timeZone !== undefined) yield* validateTimeZone(spec.timeZone)
  yield* nonNegative(spec?.startingDeadlineSeconds, 'spec.startingDeadlineSeconds')
  yield* oneOf(spec?.concurrencyPolicy, ['Allow', 'Forbid', 'Replace'], 'spec.concurrencyPolicy')
  yield* nonNegative(spec?.successfulJobsHistoryLimit, 'spec.successfulJobsHistoryLimit')
  yield* nonNegative(spec?.failedJobsHistoryLimit, 'spec.failedJobsHistoryLimit')
  const template = spec?.jobTemplate?.spec
  if (template?.manualSelector) {
    yield unsupported('spec.jobTemplate.spec.manualSelector', true, ['nil', 'false'])
  }
  yield* validateJobSpec(template ?? ({} as JobSpec), 'spec.jobTemplate.spec')
}

function* validateSchedule(schedule: string, hasTimeZone: boolean): Findings {
  if (/^(CRON_)?TZ=/.test(schedule)) {
    const rule = hasTimeZone
      ? 'cannot use both timeZone field and TZ or CRON_TZ in schedule'
      : 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'
    yield invalidValue('spec.schedule', schedule, rule)
    return
  }
  try {
    parseCron(schedule)
  } catch (error) {
    yield invalidValue('spec.schedule', schedule, (error as Error).message)
  }
}

function* validateTimeZone(zone: string): Findings {
  if (zone === '') yield invalidValue('spec.timeZone', zone, 'timeZone must be nil or non-empty string')
  else if (zone.toLowerCase() === 'local')
    yield invalidValue(
      'spec.timeZone',
      zone,
      'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
    )
  else if (!isTimeZone(zone)) yield invalidValue('spec.timeZone', zone, `unknown time zone ${zone}`)
}

function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return !/^[+-]/.test(zone)
  } catch {
    return false
  }
}
