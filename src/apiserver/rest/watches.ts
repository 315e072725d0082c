import type { Clock } from '#base'
import type { Alarms } from '../alarms.ts'
import { WatchMetrics } from '../watch-metrics.ts'
import type { ListOptions } from './list-options.ts'
import { Rounds } from './rounds.ts'
import type { Watcher } from './watcher.ts'

const BOOKMARK_PERIOD_MS = 60_000
/** The last bookmark comes this long before a watch is ended by its time-out, so that the client goes on from there. */
const BOOKMARK_BEFORE_TIMEOUT_MS = 2_000
/** A watch that names no time-out is ended after 30 to 60 minutes (upstream's --min-request-timeout). */
const TIMEOUT_DEFAULT_MIN_MS = 30 * 60_000

/** Of watches that are ended at shutdown, upstream's least. */
const ENDED_PER_SECOND_MIN = 200
const STEP_MS = 50

export interface WatchesOptions {
  readonly clock: Clock
  readonly alarms: Alarms
  /** In [0, 1): spreads the ends of watches that name no time-out. */
  readonly jitter: () => number
}

/** The watches of a server that are open: ends them in time, when their client goes and at shutdown, and moves idle ones forward. */
export class Watches implements Disposable {
  readonly #options: WatchesOptions
  /** In which what is pushed goes out. */
  readonly rounds = new Rounds()
  readonly metrics = new WatchMetrics()
  readonly #open = new Set<Watcher>()
  #isDraining = false

  constructor(options: WatchesOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#open.size
  }

  /** Whether no more watches are begun. */
  get isDraining(): boolean {
    return this.#isDraining
  }

  /** Ends all watches: one after the other over `graceMs`, or faster where that ends {@link ENDED_PER_SECOND_MIN}; at once when it is 0. */
  async drain(graceMs: number): Promise<void> {
    this.#isDraining = true
    const perSecond =
      graceMs === 0 ? Number.POSITIVE_INFINITY : Math.max(ENDED_PER_SECOND_MIN, (this.#open.size * 1000) / graceMs)
    const perStep = Math.ceil((perSecond * STEP_MS) / 1000)
    for (;;) {
      this.#end(perStep)
      if (this.#open.size === 0) return
      await this.#options.clock.sleep(STEP_MS)
    }
  }

  /** Keeps a watch until it ends. `revision` tells how far what it was told goes. */
  keep(
    watcher: Watcher,
    { signal, options, revision }: { signal: AbortSignal; options: ListOptions; revision: () => number },
  ): void {
    this.#open.add(watcher)
    const end = (): void => watcher.end()
    watcher.own({ [Symbol.dispose]: () => void this.#open.delete(watcher) })
    if (signal.aborted || this.#isDraining) {
      end()
      return
    }
    signal.addEventListener('abort', end, { once: true })
    watcher.own({ [Symbol.dispose]: () => signal.removeEventListener('abort', end) })
    const timeoutMs =
      options.timeoutSeconds > 0 ? options.timeoutSeconds * 1000 : TIMEOUT_DEFAULT_MIN_MS * (1 + this.#options.jitter())
    watcher.own(this.#options.alarms.after(timeoutMs, end))
    if (options.allowWatchBookmarks) this.#bookmarks(watcher, revision, this.#options.clock.now() + timeoutMs)
  }

  [Symbol.dispose](): void {
    this.#isDraining = true
    this.#end(Number.POSITIVE_INFINITY)
  }

  #end(count: number): void {
    for (const watcher of [...this.#open]) {
      if (count-- < 1) return
      watcher.end()
    }
  }

  #bookmarks(watcher: Watcher, revision: () => number, endsAtMs: number): void {
    let alarm: Disposable | undefined
    watcher.own({ [Symbol.dispose]: () => alarm?.[Symbol.dispose]() })
    const arm = (): void => {
      const beforeEndMs = endsAtMs - BOOKMARK_BEFORE_TIMEOUT_MS - this.#options.clock.now()
      alarm = this.#options.alarms.after(beforeEndMs > 0 ? Math.min(BOOKMARK_PERIOD_MS, beforeEndMs) : BOOKMARK_PERIOD_MS, () => {
        watcher.bookmark(revision())
        arm()
      })
    }
    arm()
  }
}
