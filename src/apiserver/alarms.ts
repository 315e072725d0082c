import type { Clock, Timer } from '#base'

/** How much later than asked an alarm may ring, so that thousands share a timer. */
const GRAIN_MS = 250

interface Bucket {
  readonly timer: Timer
  readonly callbacks: Set<() => void>
}

/** Many deadlines on few timers: alarms of the same quarter of a second ring together. */
export class Alarms implements Disposable {
  readonly #clock: Clock
  readonly #buckets = new Map<number, Bucket>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Rings once, not before `ms` have passed. */
  after(ms: number, callback: () => void): Disposable {
    const now = this.#clock.now()
    const at = Math.ceil((now + ms) / GRAIN_MS) * GRAIN_MS
    let bucket = this.#buckets.get(at)
    if (bucket === undefined) {
      bucket = { timer: this.#clock.after(at - now, () => this.#ring(at)), callbacks: new Set() }
      this.#buckets.set(at, bucket)
    }
    const { callbacks } = bucket
    callbacks.add(callback)
    return { [Symbol.dispose]: () => this.#silence(at, callbacks, callback) }
  }

  [Symbol.dispose](): void {
    for (const { timer } of this.#buckets.values()) timer[Symbol.dispose]()
    this.#buckets.clear()
  }

  #ring(at: number): void {
    const bucket = this.#buckets.get(at)
    this.#buckets.delete(at)
    for (const callback of bucket?.callbacks ?? []) callback()
  }

  #silence(at: number, callbacks: Set<() => void>, callback: () => void): void {
    callbacks.delete(callback)
    const bucket = this.#buckets.get(at)
    if (bucket === undefined || bucket.callbacks !== callbacks || callbacks.size > 0) return
    bucket.timer[Symbol.dispose]()
    this.#buckets.delete(at)
  }
}
