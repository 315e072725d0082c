import type { Revision } from '#store'
import type { CacheEvent } from './resource-cache.ts'

/** Events kept for watches that start in the past. */
export const RECENT_EVENTS_MAX = 20_000
/** Encoded bytes that those events may keep alive, whichever bound is met first. */
export const RECENT_EVENTS_BYTES_MAX = 64 * 1024 * 1024

/** The latest events of one resource in order of revision. Past a bound the older half is forgotten. */
export class RecentEvents {
  #events: CacheEvent[] = []
  #bytes = 0
  #oldest: Revision

  constructor(startsAt: Revision) {
    this.#oldest = startsAt
  }

  /** Every event after this revision is here. */
  get oldest(): Revision {
    return this.#oldest
  }

  push(event: CacheEvent): void {
    this.#events.push(event)
    this.#bytes += event.version.size
    if (this.#events.length > RECENT_EVENTS_MAX || this.#bytes > RECENT_EVENTS_BYTES_MAX) this.#forgetHalf()
  }

  after(since: Revision): readonly CacheEvent[] {
    return this.#events.slice(this.#indexAfter(since))
  }

  /** Forgets what happened up to and including `revision`. */
  forget(revision: Revision): void {
    if (revision <= this.#oldest) return
    this.#keep(this.#events.slice(this.#indexAfter(revision)), revision)
  }

  #indexAfter(since: Revision): number {
    let low = 0
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#events[middle]!.revision <= since) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Forgets everything: what is kept begins at `revision`. */
  restart(revision: Revision): void {
    this.#keep([], revision)
  }

  #forgetHalf(): void {
    const half = Math.ceil(this.#events.length / 2)
    this.#keep(this.#events.slice(half), this.#events[half - 1]!.revision)
  }

  #keep(events: CacheEvent[], oldest: Revision): void {
    this.#events = events
    this.#oldest = oldest
    this.#bytes = events.reduce((sum, { version }) => sum + version.size, 0)
  }
}
