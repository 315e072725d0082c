import type { CronFields, CronSchedule } from './cron.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
/** A date that does not come in this long (the 31st of February) never does. */
const HORIZON_YEARS = 5

/**
 * The first time after `afterMs` at which a schedule is due, in milliseconds since the epoch; undefined when it never is. Fields are read on the clocks of
 * `timeZone`: what they skip in spring is not made up for, what they repeat in autumn is due twice.
 */
export function nextCronTime(schedule: CronSchedule, afterMs: number, timeZone = 'UTC'): number | undefined {
  if ('everyMs' in schedule) return Math.floor(afterMs / 1000) * 1000 + schedule.everyMs
  const wall = wallClock(timeZone)
  let atMs = (Math.floor(afterMs / MINUTE_MS) + 1) * MINUTE_MS
  const lastYear = wall(atMs).year + HORIZON_YEARS
  for (;;) {
    const at = wall(atMs)
    if (at.year > lastYear) return undefined
    if (!schedule.months.has(at.month)) atMs = startOf(wall, atMs, at.year, at.month + 1, 1)
    else if (!isDay(schedule, at)) atMs = startOf(wall, atMs, at.year, at.month, at.day + 1)
    else if (!schedule.hours.has(at.hour)) atMs += HOUR_MS - at.minute * MINUTE_MS
    else if (!schedule.minutes.has(at.minute)) atMs += MINUTE_MS
    else return atMs
  }
}

interface Wall {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly weekday: number
  readonly hour: number
  readonly minute: number
}

type WallClock = (atMs: number) => Wall

function isDay(schedule: CronFields, { day, weekday }: Wall): boolean {
  const [byMonth, byWeek] = [schedule.daysOfMonth.has(day), schedule.daysOfWeek.has(weekday)]
  return schedule.anyDayOfMonth || schedule.anyDayOfWeek ? byMonth && byWeek : byMonth || byWeek
}

function wallClock(timeZone: string): WallClock {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  })
  return (atMs) => {
    const parts = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]))
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = ['year', 'month', 'day', 'hour', 'minute'].map(
      (name) => parts[name],
    )
    return { year, month, day, hour, minute, weekday: new Date(Date.UTC(year, month - 1, day)).getUTCDay() }
  }
}

/** The first minute of a day on the wall, after `fromMs`. Days may overflow into the next month, months into the next year. */
function startOf(wall: WallClock, fromMs: number, year: number, month: number, day: number): number {
  const wanted = Date.UTC(year, month - 1, day)
  const offset = (atMs: number): number => {
    const { year: y, month: m, day: d, hour, minute } = wall(atMs)
    return Date.UTC(y, m - 1, d, hour, minute) - atMs
  }
  const guess = wanted - offset(fromMs)
  const better = wanted - offset(guess)
  // Where midnight itself is skipped, the day begins later.
  return Math.max(better, fromMs + MINUTE_MS)
}
