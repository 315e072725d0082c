import type { CronJob, JobSpec } from '../generated/types.ts'
import { type Findings, invalidValue, nonNegative, oneOf, required, unsupported } from '../validation/findings.ts'
import { parseCron } from './cron.ts'
import { validateJobSpec } from './validate-job.ts'

const NAME_LENGTH_MAX = 52

export function validateCronJob(cronJob: CronJob, found: Findings): void {
  validateSpec(cronJob, undefined, found)
  const name = cronJob.metadata?.name ?? ''
  // Its Jobs are named after it with eleven characters more.
  if (name.length > NAME_LENGTH_MAX)
    found.push(invalidValue('metadata.name', name, `must be no more than ${NAME_LENGTH_MAX} characters`))
}

/** Names that were too long before there was a rule may stay. */
export function validateCronJobUpdate(cronJob: CronJob, old: CronJob, found: Findings): void {
  validateSpec(cronJob, old, found)
}

function validateSpec({ spec }: CronJob, old: CronJob | undefined, found: Findings): void {
  if (!spec?.schedule) found.push(required('spec.schedule'))
  else validateSchedule(spec.schedule, spec.timeZone !== undefined, old?.spec?.schedule.includes('TZ') ?? false, found)
  nonNegative(spec?.startingDeadlineSeconds, 'spec.startingDeadlineSeconds', found)
  const zone = spec?.timeZone
  if (zone !== undefined && (old === undefined || zone !== old.spec?.timeZone)) validateTimeZone(zone, found)
  oneOf(spec?.concurrencyPolicy, ['Allow', 'Forbid', 'Replace'], 'spec.concurrencyPolicy', found)
  const template = spec?.jobTemplate?.spec
  const path = 'spec.jobTemplate.spec'
  validateJobSpec(template ?? ({} as JobSpec), path, found, old?.spec?.jobTemplate.spec)
  if (template?.selector !== undefined)
    found.push(invalidValue(`${path}.selector`, template.selector, '`selector` will be auto-generated'))
  if (template?.manualSelector) found.push(unsupported(`${path}.manualSelector`, true, ['nil', 'false']))
  nonNegative(spec?.successfulJobsHistoryLimit, 'spec.successfulJobsHistoryLimit', found)
  nonNegative(spec?.failedJobsHistoryLimit, 'spec.failedJobsHistoryLimit', found)
}

/** A time zone in the schedule, which was never meant to be there, may only stay where it was. */
function validateSchedule(schedule: string, hasTimeZone: boolean, hadZoneWithin: boolean, found: Findings): void {
  try {
    parseCron(schedule.replace(/^(CRON_)?TZ=\S*\s+/, ''))
  } catch (error) {
    found.push(invalidValue('spec.schedule', schedule, (error as Error).message))
  }
  if (!schedule.includes('TZ')) return
  if (!hadZoneWithin)
    found.push(invalidValue('spec.schedule', schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'))
  else if (hasTimeZone)
    found.push(invalidValue('spec.schedule', schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'))
}

/** https://data.iana.org/time-zones/theory.html#naming */
const ZONE_PART = /^(?!\.{1,2}$)(?!-)[A-Za-z._0-9+-]{1,14}$/

function validateTimeZone(zone: string, found: Findings): void {
  if (zone === '') found.push(invalidValue('spec.timeZone', zone, 'timeZone must be nil or non-empty string'))
  else if (!zone.split('/').every((part) => ZONE_PART.test(part)))
    found.push(invalidValue('spec.timeZone', zone, `unknown time zone ${zone}`))
  else if (zone.toLowerCase() === 'local')
    found.push(
      invalidValue('spec.timeZone', zone, 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones'),
    )
  else if (!isTimeZone(zone)) found.push(invalidValue('spec.timeZone', zone, `unknown time zone ${zone}`))
}

function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return !/^[+-]/.test(zone)
  } catch {
    return false
  }
}
