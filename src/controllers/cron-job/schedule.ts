import { type CronJob, nextCronTime, parseCron } from '#api'

/** More missed times than this look like a clock that jumped. */
const MANY_MISSED = 100

export interface Due {
  /** The last time that has come and was not met, in milliseconds since the epoch. */
  readonly dueMs: number | undefined
  /** The next time to come. */
  readonly nextMs: number | undefined
  readonly isManyMissed: boolean
}

/** What a schedule asks for at `nowMs`: of several missed times only the last is made up for. */
export function dueAt({ metadata, spec, status }: CronJob, nowMs: number): Due {
  const schedule = parseCron(spec.schedule)
  const next = (afterMs: number): number | undefined => nextCronTime(schedule, afterMs, spec.timeZone)
  let sinceMs = Date.parse(status?.lastScheduleTime ?? metadata?.creationTimestamp ?? '') || nowMs
  // What is too late to start is not looked at.
  if (spec.startingDeadlineSeconds !== undefined) sinceMs = Math.max(sinceMs, nowMs - spec.startingDeadlineSeconds * 1000)
  const first = next(sinceMs)
  if (first === undefined || first > nowMs) return { dueMs: undefined, nextMs: first, isManyMissed: false }
  const second = next(first)
  if (second === undefined || second > nowMs) return { dueMs: first, nextMs: second, isManyMissed: false }
  // A long gap is leapt over in steps of the first interval; from shortly before now on every time is looked at.
  const interval = Math.max(1000, second - first)
  const missed = Math.floor((nowMs - first) / interval) + 1
  let dueMs = first
  let nextMs = next(first + Math.max(0, missed - 2) * interval)
  while (nextMs !== undefined && nextMs <= nowMs) {
    dueMs = nextMs
    nextMs = next(nextMs)
  }
  return { dueMs, nextMs, isManyMissed: missed > MANY_MISSED }
}
