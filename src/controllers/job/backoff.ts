import type { Pod } from '#api'
import { allFailuresBefore, finishedAtMs } from './pods.ts'

const BASE_MS = 10_000
const MAX_MS = 600_000

/** Failures in a row of a Job's pods, since its last success. */
export interface FailureRecord {
  readonly failures: number
  readonly lastFailureMs: number
}

export const NO_FAILURES: FailureRecord = { failures: 0, lastFailureMs: 0 }

/** The record after some more pods have ended, taken in the order in which they ended. */
export function recordAfter(record: FailureRecord, succeeded: readonly Pod[], failed: readonly Pod[]): FailureRecord {
  if (succeeded.length + failed.length === 0) return record
  const successMs = succeeded.length === 0 ? Number.NEGATIVE_INFINITY : Math.max(...succeeded.map(finishedAtMs))
  const later = failed.map(finishedAtMs).filter((time) => time >= successMs)
  const before = succeeded.length === 0 ? record : NO_FAILURES
  return { failures: before.failures + later.length, lastFailureMs: Math.max(before.lastFailureMs, ...later) }
}

/** Milliseconds since the epoch before which no pod takes a failed one's place; the delay doubles with each failure. */
export const retryAtMs = ({ failures, lastFailureMs }: FailureRecord): number =>
  failures === 0 ? 0 : lastFailureMs + Math.min(BASE_MS * 2 ** (failures - 1), MAX_MS)

/** The same for one index, whose last failed pod carries the count. */
export const indexRetryAtMs = (lastFailed: Pod): number =>
  retryAtMs({ failures: allFailuresBefore(lastFailed) + 1, lastFailureMs: finishedAtMs(lastFailed) })
