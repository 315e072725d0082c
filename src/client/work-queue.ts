import type { Clock, Timer } from '#base'

const BACKOFF_BASE_MS = 5
const BACKOFF_MAX_MS = 1_000_000

/**
 * Keys that need work, each at most once and never by two workers at a time: a key added while it is worked on comes back afterwards.
 *
 *     add(a), add(b), add(a) → take a, take b; add(a) while a is taken → a again after done(a)
 */
export class WorkQueue implements Disposable {
  readonly #clock: Clock
  readonly #ready: string[] = []
  readonly #dirty = new Set<string>()
  readonly #processing = new Set<string>()
  readonly #timers = new Map<string, Timer>()
  readonly #failures = new Map<string, number>()
  #waiting: ((key: string | undefined) => void)[] = []
  #closed = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get length(): number {
    return this.#ready.length
  }

  add(key: string): void {
    if (this.#closed || this.#dirty.has(key)) return
    this.#dirty.add(key)
    if (this.#processing.has(key)) return
    this.#offer(key)
  }

  /** Adds the key after `ms`; an earlier time for the same key stands. */
  addAfter(key: string, ms: number): void {
    if (this.#closed) return
    if (ms <= 0) {
      this.add(key)
      return
    }
    const at = this.#clock.now() + ms
    const known = this.#timers.get(key)
    if (known !== undefined && known.at <= at) return
    known?.[Symbol.dispose]()
    const timer = this.#clock.after(ms, () => {
      this.#timers.delete(key)
      this.add(key)
    })
    this.#timers.set(key, timer)
  }

  /** Adds the key after a delay that doubles with each failure, until `forget`. */
  addRateLimited(key: string): void {
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    this.addAfter(key, Math.min(BACKOFF_BASE_MS * 2 ** failures, BACKOFF_MAX_MS))
  }

  forget(key: string): void {
    this.#failures.delete(key)
  }

  /** The next key, once there is one; undefined when the queue is closed. Call `done` when it has been worked on. */
  take(): Promise<string | undefined> {
    const key = this.#ready.shift()
    if (key !== undefined) return Promise.resolve(this.#begin(key))
    if (this.#closed) return Promise.resolve(undefined)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  done(key: string): void {
    this.#processing.delete(key)
    if (this.#dirty.has(key)) this.#offer(key)
  }

  [Symbol.dispose](): void {
    this.#closed = true
    for (const timer of this.#timers.values()) timer[Symbol.dispose]()
    this.#timers.clear()
    for (const resolve of this.#waiting.splice(0)) resolve(undefined)
  }

  #offer(key: string): void {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) this.#ready.push(key)
    else waiting(this.#begin(key))
  }

  #begin(key: string): string {
    this.#dirty.delete(key)
    this.#processing.add(key)
    return key
  }
}
