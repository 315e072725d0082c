import type { Clock } from '#base'

interface Entry<T> {
  readonly value: Promise<T>
  expiresAtMs: number
}

/** Answers of a slow oracle, each kept for as long as it says; questions asked while one is on its way share its answer. Failures are not kept. */
export class VerdictCache<T> {
  readonly #clock: Clock
  readonly #entriesMax: number
  readonly #ttlMs: (answer: T) => number
  readonly #entries = new Map<string, Entry<T>>()

  constructor(clock: Clock, options: { readonly entriesMax: number; readonly ttlMs: (answer: T) => number }) {
    this.#clock = clock
    this.#entriesMax = options.entriesMax
    this.#ttlMs = options.ttlMs
  }

  async get(key: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#entries.get(key)
    if (known !== undefined && known.expiresAtMs > this.#clock.now()) return known.value
    const entry: Entry<T> = { value: ask(), expiresAtMs: Number.POSITIVE_INFINITY }
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    // Insertion order: the oldest answer goes first.
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#entriesMax) break
      this.#entries.delete(oldest)
    }
    try {
      const answer = await entry.value
      entry.expiresAtMs = this.#clock.now() + this.#ttlMs(answer)
      return answer
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#entries.delete(key)
      throw error
    }
  }
}
