import { declare, type FunctionDeclaration } from '../types/declarations.ts'
import { duration, int, string, timestamp } from '../types/type.ts'
import type { CelDuration } from '../values/duration.ts'
import { inTimeZone, type Timestamp } from '../values/timestamp.ts'

const DAY_MS = 86_400_000

function dayOfYear(date: Date): number {
  // Date.UTC takes the years before 100 for others.
  const newYear = new Date(0).setUTCFullYear(date.getUTCFullYear(), 0, 1)
  return Math.floor((date.getTime() - newYear) / DAY_MS)
}

/** A part of the calendar, in UTC or in a given time zone; with `ofDuration`, also of a duration: how often `unit` nanoseconds fit in. */
function part(
  name: string,
  id: string,
  read: (date: Date) => number,
  ofDuration?: (nanos: bigint) => bigint,
): FunctionDeclaration {
  const ofDurations =
    ofDuration &&
    ([`duration_to_${id}`, [duration], int, (value: unknown) => Number(ofDuration((value as CelDuration).nanos))] as const)
  return declare(name, {
    members: [
      [`timestamp_to_${id}`, [timestamp], int, (value) => read(inTimeZone(value as Timestamp, 'UTC'))],
      [
        `timestamp_to_${id}${name === 'getSeconds' ? '_tz' : '_with_tz'}`,
        [timestamp, string],
        int,
        (value, zone) => read(inTimeZone(value as Timestamp, zone as string)),
      ],
      ...(ofDurations === undefined ? [] : [ofDurations]),
    ],
  })
}

export const timeFunctions: readonly FunctionDeclaration[] = [
  part('getFullYear', 'year', (date) => date.getUTCFullYear()),
  part('getMonth', 'month', (date) => date.getUTCMonth()),
  part('getDayOfYear', 'day_of_year', dayOfYear),
  part('getDayOfMonth', 'day_of_month', (date) => date.getUTCDate() - 1),
  part('getDate', 'day_of_month_1_based', (date) => date.getUTCDate()),
  part('getDayOfWeek', 'day_of_week', (date) => date.getUTCDay()),
  part(
    'getHours',
    'hours',
    (date) => date.getUTCHours(),
    (nanos) => nanos / 3_600_000_000_000n,
  ),
  part(
    'getMinutes',
    'minutes',
    (date) => date.getUTCMinutes(),
    (nanos) => nanos / 60_000_000_000n,
  ),
  part(
    'getSeconds',
    'seconds',
    (date) => date.getUTCSeconds(),
    (nanos) => nanos / 1_000_000_000n,
  ),
  part(
    'getMilliseconds',
    'milliseconds',
    (date) => date.getUTCMilliseconds(),
    (nanos) => nanos / 1_000_000n,
  ),
]
