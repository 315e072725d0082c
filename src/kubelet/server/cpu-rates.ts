import type { Clock } from '#base'

interface Reading {
  readonly atMs: number
  readonly nanoseconds: number
}

/** Shorter spans say little. */
const SPAN_MS_MIN = 1_000
/** A reading that nobody asked about again for so long is dropped. */
const READING_MS_MAX = 10 * 60_000
const READINGS_MAX = 10_000

/** Cores in use, from one reading of a counter to the next. */
export class CpuRates {
  readonly #clock: Clock
  readonly #readings = new Map<string, Reading & { readonly rate: number | undefined }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** In billionths of a core; undefined at a first reading. */
  note(key: string, nanoseconds: number): number | undefined {
    const atMs = this.#clock.monotonic()
    const before = this.#readings.get(key)
    if (before !== undefined && atMs - before.atMs < SPAN_MS_MIN) return before.rate
    const spanMs = before === undefined ? 0 : atMs - before.atMs
    // A counter that fell is another's.
    const isKnown = before !== undefined && spanMs < READING_MS_MAX && nanoseconds >= before.nanoseconds
    const rate = isKnown ? Math.round(((nanoseconds - before.nanoseconds) / spanMs) * 1000) : undefined
    this.#readings.delete(key)
    this.#readings.set(key, { atMs, nanoseconds, rate })
    for (const [oldest, reading] of this.#readings) {
      if (this.#readings.size <= READINGS_MAX && atMs - reading.atMs < READING_MS_MAX) break
      this.#readings.delete(oldest)
    }
    return rate
  }
}
