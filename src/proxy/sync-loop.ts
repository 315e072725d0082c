import type { Clock, Log } from '#base'
import type { ProxyBackend } from './backends/backend.ts'
import type { RulesTracker } from './changes.ts'

const RETRY_INITIAL_MS = 100
const RETRY_MAX_MS = 30_000

export interface SyncLoopOptions {
  readonly tracker: RulesTracker
  readonly backend: ProxyBackend
  readonly clock: Clock
  readonly log: Log
  /** Changes that come closer together than this are carried out together. */
  readonly minSyncPeriodMs: number
  readonly onSynced: () => void
}

/**
 * Brings the backend to the tracker's rules: everything at first, then what changed. After a failure nobody knows what the
 * kernel has, so the next try loads everything again, later each time.
 */
export class SyncLoop {
  readonly #options: SyncLoopOptions
  #wake: (() => void) | undefined
  #full = true
  #failures = 0
  /** When the oldest change that is not carried out yet came. */
  #pendingSinceMs: number | undefined
  #syncedMs: number

  constructor(options: SyncLoopOptions) {
    this.#options = options
    this.#syncedMs = options.clock.now()
  }

  get syncedMs(): number {
    return this.#syncedMs
  }

  get pendingSinceMs(): number | undefined {
    return this.#pendingSinceMs
  }

  /** Says that the tracker has heard something. */
  poke(): void {
    if (!this.#options.tracker.dirty) return
    this.#pendingSinceMs ??= this.#options.clock.now()
    this.#wake?.()
  }

  /** The first load. Rejects when it fails, since then the set-up is wrong. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#sync(signal)
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, minSyncPeriodMs } = this.#options
    while (!signal.aborted) {
      if (this.#pendingSinceMs === undefined) await this.#awaken(signal)
      if (signal.aborted) return
      const startedMs = clock.monotonic()
      try {
        await this.#sync(signal)
        const restMs = minSyncPeriodMs - (clock.monotonic() - startedMs)
        if (restMs > 0) await clock.sleep(restMs, { signal })
      } catch (error) {
        if (signal.aborted) return
        this.#full = true
        this.#pendingSinceMs ??= clock.now()
        const retryMs = Math.min(RETRY_INITIAL_MS * 2 ** this.#failures++, RETRY_MAX_MS)
        log.warn('Service rules could not be loaded; all will be loaded again', { error, retryMs })
        await clock.sleep(retryMs, { signal })
      }
    }
  }

  async #sync(signal: AbortSignal): Promise<void> {
    const { backend, clock, onSynced, tracker } = this.#options
    const pendingMs = this.#pendingSinceMs
    this.#pendingSinceMs = undefined
    try {
      const changes = tracker.take()
      if (this.#full) await backend.replace(tracker.all(), { signal })
      else if (changes.size > 0) await backend.apply(changes, { signal })
    } catch (error) {
      this.#pendingSinceMs = pendingMs
      throw error
    }
    this.#full = false
    this.#failures = 0
    this.#syncedMs = clock.now()
    onSynced()
  }

  #awaken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        signal.removeEventListener('abort', finish)
        this.#wake = undefined
        resolve()
      }
      this.#wake = finish
      signal.addEventListener('abort', finish, { once: true })
    })
  }
}
