import { CelDuration } from './duration.ts'
import { fail } from './failure.ts'

/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, the bounds of google.protobuf.Timestamp. */
const SECONDS_MIN = -62_135_596_800
const SECONDS_MAX = 253_402_300_799
const NANO = 1_000_000_000

/** A moment, to the nanosecond. */
export class Timestamp {
  /** Since 1970 in UTC; whole, and rounded down before 1970. */
  readonly seconds: number
  /** 0 to 999,999,999. */
  readonly nanos: number

  private constructor(seconds: number, nanos: number) {
    this.seconds = seconds
    this.nanos = nanos
  }

  static of(seconds: number, nanos = 0): Timestamp {
    if (!(seconds >= SECONDS_MIN && seconds <= SECONDS_MAX)) return fail('timestamp overflow')
    return new Timestamp(seconds, nanos)
  }

  private static ofNanos(nanos: bigint): Timestamp {
    const unit = BigInt(NANO)
    const rest = ((nanos % unit) + unit) % unit
    return Timestamp.of(Number((nanos - rest) / unit), Number(rest))
  }

  private get total(): bigint {
    return BigInt(this.seconds) * BigInt(NANO) + BigInt(this.nanos)
  }

  /** Whether it is the first moment there is: what Go calls the zero of its times. */
  get isZero(): boolean {
    return this.seconds === SECONDS_MIN && this.nanos === 0
  }

  compare(other: Timestamp): number {
    return this.seconds - other.seconds || this.nanos - other.nanos
  }

  plus(duration: CelDuration): Timestamp {
    return Timestamp.ofNanos(this.total + duration.nanos)
  }

  minus(duration: CelDuration): Timestamp {
    return Timestamp.ofNanos(this.total - duration.nanos)
  }

  since(other: Timestamp): CelDuration {
    return CelDuration.of(this.total - other.total)
  }

  get date(): Date {
    return new Date(this.seconds * 1000 + Math.floor(this.nanos / 1e6))
  }

  /** RFC 3339 in UTC with as many digits of a second as there are. */
  toString(): string {
    const fraction = this.nanos === 0 ? '' : `.${String(this.nanos).padStart(9, '0').replace(/0+$/, '')}`
    return `${new Date(this.seconds * 1000).toISOString().slice(0, 19)}${fraction}Z`
  }
}

const RFC_3339 = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,](\d+))?(?:Z|([+-])(\d{2}):(\d{2}))$/

/** RFC 3339 as Go reads it; fails on anything else and on days that do not exist. */
export function parseTimestamp(text: string): Timestamp {
  const match = RFC_3339.exec(text)
  const invalid = (): never => fail(`parsing time ${JSON.stringify(text)} as "2006-01-02T15:04:05Z07:00": cannot parse`)
  if (match === null) return invalid()
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second)
  const same = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  if (!same || hour > 23 || minute > 59 || second > 59) return invalid()
  const nanos = Number((match[7] ?? '').slice(0, 9).padEnd(9, '0'))
  const offset = match[8] === undefined ? 0 : (Number(match[9]) * 60 + Number(match[10])) * (match[8] === '-' ? -60 : 60)
  return Timestamp.of(date.getTime() / 1000 - offset, nanos)
}

const FIXED = /^([+-]?)(\d{1,2}):(\d{2})$/

/** The calendar of a moment in a time zone: `UTC`, an IANA name, or `[+-]HH:MM`. Read it with the UTC getters of Date. */
export function inTimeZone(timestamp: Timestamp, zone: string): Date {
  const fixed = FIXED.exec(zone)
  const milliseconds = timestamp.date.getTime()
  if (fixed !== null) {
    const minutes = Number(fixed[2]) * 60 + Number(fixed[3])
    return new Date(milliseconds + minutes * (fixed[1] === '-' ? -60_000 : 60_000))
  }
  // What is local to a server is UTC here.
  if (zone === '' || zone === 'UTC' || zone === 'Local') return new Date(milliseconds)
  return new Date(milliseconds + offsetOf(milliseconds, zone))
}

const formats = new Map<string, Intl.DateTimeFormat>()
const FORMATS_MAX = 64

function offsetOf(milliseconds: number, zone: string): number {
  let format = formats.get(zone)
  if (format === undefined) {
    try {
      format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset', year: 'numeric' })
    } catch {
      return fail(`unknown time zone ${zone}`)
    }
    // Names are files upstream, of one spelling.
    const { timeZone } = format.resolvedOptions()
    const isSpelledOtherwise = timeZone.toLowerCase() === zone.toLowerCase() || !/[A-Z]/.test(zone)
    if (timeZone !== zone && isSpelledOtherwise) return fail(`unknown time zone ${zone}`)
    if (formats.size >= FORMATS_MAX) formats.clear()
    formats.set(zone, format)
  }
  const shown = format.formatToParts(milliseconds).find(({ type }) => type === 'timeZoneName')!.value
  const match = /GMT([+-])(\d{2}):(\d{2})(?::(\d{2}))?/.exec(shown)
  if (match === null) return 0
  const seconds = Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4] ?? 0)
  return seconds * (match[1] === '-' ? -1000 : 1000)
}
