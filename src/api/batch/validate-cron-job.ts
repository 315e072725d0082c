import type { CronJob, JobSpec } from '../generated/types.ts'
import { type Findings, invalidValue, nonNegative, oneOf, required, unsupported } from '../validation/findings.ts'
import { parseCron } from './cron.ts'
import { validateJobSpec } from './validate-job.ts'

const NAME_LENGTH_MAX = 52

export function* validateCronJob(cronJob: CronJob): Findings {
  yield* validateSpec(cronJob, undefined)
  const name = cronJob.metadata?.name ?? ''
  // Its Jobs are named after it with eleven characters more.
  if (name.length > NAME_LENGTH_MAX)
    yield invalidValue('metadata.name', name, `must be no more than ${NAME_LENGTH_MAX} characters`)
}

/** Names that were too long before there was a rule may stay. */
export function* validateCronJobUpdate(cronJob: CronJob, old: CronJob): Findings {
  yield* validateSpec(cronJob, old)
}

function* validateSpec({ spec }: CronJob, old: CronJob | undefined): Findings {
  if (!spec?.schedule) yield required('spec.schedule')
  else yield* validateSchedule(spec.schedule, spec.timeZone !== undefined, old?.spec?.schedule.includes('TZ') ?? false)
  yield* nonNegative(spec?.startingDeadlineSeconds, 'spec.startingDeadlineSeconds')
  const zone = spec?.timeZone
  if (zone !== undefined && (old === undefined || zone !== old.spec?.timeZone)) yield* validateTimeZone(zone)
  yield* oneOf(spec?.concurrencyPolicy, ['Allow', 'Forbid', 'Replace'], 'spec.concurrencyPolicy')
  const template = spec?.jobTemplate?.spec
  const path = 'spec.jobTemplate.spec'
  yield* validateJobSpec(template ?? ({} as JobSpec), path)
  if (template?.selector !== undefined)
    yield invalidValue(`${path}.selector`, template.selector, '`selector` will be auto-generated')
  if (template?.manualSelector) yield unsupported(`${path}.manualSelector`, true, ['nil', 'false'])
  yield* nonNegative(spec?.successfulJobsHistoryLimit, 'spec.successfulJobsHistoryLimit')
  yield* nonNegative(spec?.failedJobsHistoryLimit, 'spec.failedJobsHistoryLimit')
}

/** A time zone in the schedule, which was never meant to be there, may only stay where it was. */
function* validateSchedule(schedule: string, hasTimeZone: boolean, hadZoneWithin: boolean): Findings {
  try {
    parseCron(schedule.replace(/^(CRON_)?TZ=\S*\s+/, ''))
  } catch (error) {
    yield invalidValue('spec.schedule', schedule, (error as Error).message)
  }
  if (!schedule.includes('TZ')) return
  if (!hadZoneWithin)
    yield invalidValue('spec.schedule', schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead')
  else if (hasTimeZone)
    yield invalidValue('spec.schedule', schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule')
}

/** https://data.iana.org/time-zones/theory.html#naming */
const ZONE_PART = /^(?!\.{1,2}$)(?!-)[A-Za-z._0-9+-]{1,14}$/

function* validateTimeZone(zone: string): Findings {
  if (zone === '') yield invalidValue('spec.timeZone', zone, 'timeZone must be nil or non-empty string')
  else if (!zone.split('/').every((part) => ZONE_PART.test(part)))
    yield invalidValue('spec.timeZone', zone, `unknown time zone ${zone}`)
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
