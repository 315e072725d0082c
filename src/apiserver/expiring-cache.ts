import type { Clock } from '#base'

/** Values that are good for a while, by key; the one that was not used for longest makes room. */
export class ExpiringCache<T> {
  readonly #entriesMax: number
  readonly #clock: Clock
  readonly #entries = new Map<string, { readonly value: T; readonly until: number }>()

  constructor(entriesMax: number, clock: Clock) {
    this.#entriesMax = entriesMax
    this.#clock = clock
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#entries.delete(key)
    if (entry.until <= this.#clock.now()) return undefined
    this.#entries.set(key, entry)
    return entry.value
  }

  /** For `ms` milliseconds; not at all for 0. */
  set(key: string, value: T, ms: number): void {
    if (ms <= 0) return
    this.#entries.delete(key)
    if (this.#entries.size >= this.#entriesMax) this.#entries.delete(this.#entries.keys().next().value!)
    this.#entries.set(key, { value, until: this.#clock.now() + ms })
  }
}
