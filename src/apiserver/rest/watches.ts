import type { Clock } from '#base'
import type { Alarms } from '../alarms.ts'
import type { ListOptions } from './list-options.ts'
import { Rounds } from './rounds.ts'
import type { Watcher } from './watcher.ts'

const BOOKMARK_PERIOD_MS = 60_000
/** The last bookmark comes this long before a watch is ended by its time-out, so that the client goes on from there. */
const BOOKMARK_BEFORE_TIMEOUT_MS = 2_000
/** A watch that names no time-out is ended after 30 to 60 minutes (upstream's --min-request-timeout). */
const TIMEOUT_DEFAULT_MIN_MS = 30 * 60_000

export interface WatchesOptions {
  readonly clock: Clock
  readonly alarms: Alarms
  /** In [0, 1): spreads the ends of watches that name no time-out. */
  readonly jitter: () => number
  /** Ends every watch when the server shuts down. */
  readonly shutdown: AbortSignal
}

/** The watches of a server that are open: ends them in time, when their client goes and at shutdown, and moves idle ones forward. */
export class Watches implements Disposable {
  readonly #options: WatchesOptions
  /** In which what is pushed goes out. */
  readonly rounds = new Rounds()
  readonly #open = new Set<Watcher>()
  readonly #endAll = (): void => {
    for (const watcher of [...this.#open]) watcher.end()
  }

  constructor(options: WatchesOptions) {
    this.#options = options
    options.shutdown.addEventListener('abort', this.#endAll, { once: true })
  }

  get size(): number {
    return this.#open.size
  }

  /** Keeps a watch until it ends. `revision` tells how far what it was told goes. */
  keep(
    watcher: Watcher,
    { signal, options, revision }: { signal: AbortSignal; options: ListOptions; revision: () => number },
  ): void {
    this.#open.add(watcher)
    const end = (): void => watcher.end()
    watcher.own({ [Symbol.dispose]: () => void this.#open.delete(watcher) })
    if (signal.aborted || this.#options.shutdown.aborted) {
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
    this.#options.shutdown.removeEventListener('abort', this.#endAll)
    this.#endAll()
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
