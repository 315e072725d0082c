import type { Clock } from '#base'

interface Entry {
  delayMs: number
  lastMs: number
}

/** Delays that double with each failure of one thing, and start over when it has been well for twice the longest delay. */
export class Backoff {
  readonly #entries = new Map<string, Entry>()
  readonly #clock: Clock
  readonly #initialMs: number
  readonly #maxMs: number

  constructor(clock: Clock, options: { readonly initialMs: number; readonly maxMs: number }) {
    this.#clock = clock
    this.#initialMs = options.initialMs
    this.#maxMs = options.maxMs
  }

  /** Notes a failure that ended at `atMs`; the next attempt may begin after the delay. */
  next(key: string, atMs: number): void {
    const entry = this.#entries.get(key)
    if (entry === undefined || atMs - entry.lastMs > 2 * this.#maxMs)
      this.#entries.set(key, { delayMs: this.#initialMs, lastMs: atMs })
    else {
      entry.delayMs = Math.min(entry.delayMs * 2, this.#maxMs)
      entry.lastMs = atMs
    }
  }

  /** Milliseconds still to wait, counted from when the last failure ended. */
  remainingMs(key: string, sinceMs: number): number {
    const entry = this.#entries.get(key)
    if (entry === undefined) return 0
    return Math.max(0, sinceMs + entry.delayMs - this.#clock.now())
  }

  delayMs(key: string): number {
    return this.#entries.get(key)?.delayMs ?? 0
  }

  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key)
  }
}
