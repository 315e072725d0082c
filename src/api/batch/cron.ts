/**
 * When a CronJob is due, in the language of crontab(5) as upstream's library reads it: five fields, names of months and days,
 * `*`, ranges, steps, lists, `@daily` and its kin, `@every 1h30m`.
 *
 *     0,30 9-17 * * mon-fri   →  minutes {0,30}, hours {9…17}, daysOfWeek {1…5}
 */
export type CronSchedule = CronFields | { readonly everyMs: number }

export interface CronFields {
  readonly minutes: ReadonlySet<number>
  readonly hours: ReadonlySet<number>
  readonly daysOfMonth: ReadonlySet<number>
  readonly months: ReadonlySet<number>
  readonly daysOfWeek: ReadonlySet<number>
  /** A day that is restricted in both ways is due when either fits; `*` restricts nothing. */
  readonly anyDayOfMonth: boolean
  readonly anyDayOfWeek: boolean
}

interface Bounds {
  readonly min: number
  readonly max: number
  readonly names: readonly string[]
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

const MINUTE: Bounds = { min: 0, max: 59, names: [] }
const HOUR: Bounds = { min: 0, max: 23, names: [] }
const DAY_OF_MONTH: Bounds = { min: 1, max: 31, names: [] }
const MONTH: Bounds = { min: 1, max: 12, names: MONTHS }
const DAY_OF_WEEK: Bounds = { min: 0, max: 6, names: DAYS }

const DESCRIPTORS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}

const EVERY = '@every '

/** Throws an Error with a sentence that says what is wrong. */
export function parseCron(text: string): CronSchedule {
  if (text.trim() === '') throw new Error('empty spec string')
  if (text.startsWith(EVERY)) return { everyMs: parseEvery(text) }
  if (text.startsWith('@') && DESCRIPTORS[text] === undefined) throw new Error(`unrecognized descriptor: ${text}`)
  const fields = (DESCRIPTORS[text] ?? text).trim().split(/\s+/)
  if (fields.length !== 5) throw new Error(`expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`)
  const [minute, hour, dayOfMonth, month, dayOfWeek] = fields as [string, string, string, string, string]
  const open = (field: string): boolean => field.split(',').some((part) => part.startsWith('*') || part.startsWith('?'))
  return {
    minutes: parseField(minute, MINUTE),
    hours: parseField(hour, HOUR),
    daysOfMonth: parseField(dayOfMonth, DAY_OF_MONTH),
    months: parseField(month, MONTH),
    daysOfWeek: parseField(dayOfWeek, DAY_OF_WEEK),
    anyDayOfMonth: open(dayOfMonth),
    anyDayOfWeek: open(dayOfWeek),
  }
}

function parseField(field: string, bounds: Bounds): ReadonlySet<number> {
  const values = new Set<number>()
  for (const part of field.split(',').filter((each) => each !== '')) {
    for (const value of parseRange(part, bounds)) values.add(value)
  }
  return values
}

function* parseRange(text: string, bounds: Bounds): Iterable<number> {
  const [range = '', stepText, ...more] = text.split('/')
  const [low = '', high, ...rest] = range.split('-')
  if (more.length > 0) throw new Error(`too many slashes: ${text}`)
  if (rest.length > 0) throw new Error(`too many hyphens: ${text}`)
  let start: number
  let end: number
  if (low === '*' || low === '?') {
    start = bounds.min
    end = bounds.max
  } else {
    start = parseValue(low, bounds)
    // `5/15` runs to the end of the field.
    end = high !== undefined ? parseValue(high, bounds) : stepText === undefined ? start : bounds.max
  }
  const step = stepText === undefined ? 1 : parseNumber(stepText)
  if (start < bounds.min) throw new Error(`beginning of range (${start}) below minimum (${bounds.min}): ${text}`)
  if (end > bounds.max) throw new Error(`end of range (${end}) above maximum (${bounds.max}): ${text}`)
  if (start > end) throw new Error(`beginning of range (${start}) beyond end of range (${end}): ${text}`)
  if (step === 0) throw new Error(`step of range should be a positive number: ${text}`)
  for (let value = start; value <= end; value += step) yield value
}

function parseValue(text: string, { names, min }: Bounds): number {
  const named = names.indexOf(text.toLowerCase())
  return named === -1 ? parseNumber(text) : named + min
}

function parseNumber(text: string): number {
  if (/^-\d+$/.test(text)) throw new Error(`negative number (${text}) not allowed: ${text}`)
  if (!/^\+?\d{1,9}$/.test(text)) {
    throw new Error(`failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`)
  }
  return Number(text)
}

const UNITS_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Whole seconds, one at least. */
function parseEvery(text: string): number {
  const duration = text.slice(EVERY.length)
  if (!/^\+?(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(duration)) {
    throw new Error(`failed to parse duration ${text}: time: invalid duration ${JSON.stringify(duration)}`)
  }
  let ms = 0
  for (const [, amount, unit] of duration.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) ms += Number(amount) * UNITS_MS[unit!]!
  return Math.max(1000, Math.floor(ms / 1000) * 1000)
}
