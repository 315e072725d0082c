import type { Clock } from './clock.ts'

export interface Rate {
  /** Steadily, a second. */
  readonly qps: number
  /** At once, after a pause. */
  readonly burst: number
}

/** Lets so many through a second, and after a pause as many at once as the burst. */
export class TokenBucket {
  readonly #rate: Rate
  readonly #clock: Clock
  #tokens: number
  #atMs: number

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate
    this.#clock = clock
    this.#tokens = rate.burst
    this.#atMs = clock.monotonic()
  }

  /** Waits for a turn. Rejects when `signal` aborts first. */
  async take(signal: AbortSignal): Promise<void> {
    this.#refill()
    this.#tokens -= 1
    if (this.#tokens < 0) await this.#clock.sleep((-this.#tokens / this.#rate.qps) * 1000, { signal })
  }

  /** Whether there is a turn now, which is taken then. */
  tryTake(): boolean {
    this.#refill()
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }

  #refill(): void {
    const { qps, burst } = this.#rate
    const nowMs = this.#clock.monotonic()
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#atMs) / 1000) * qps)
    this.#atMs = nowMs
  }
}
