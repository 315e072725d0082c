import type { Clock, Timer } from '#base'
import { StoreFailure } from '../store.ts'

/** How long nobody but another cluster answers before this one is taken to be gone. A member alone that was restored by mistake is none of it. */
const REPLACED_AFTER_MS = 10_000

/**
 * Notices that an etcd was replaced while this process used it: restored from a snapshot under the same URLs, or another one. What the process knows is then of a state that is no more, and only
 * a start from the beginning helps, as upstream's documentation says of API servers after a restore.
 */
export class Strangers implements Disposable {
  readonly #clock: Clock
  readonly #onReplaced: ((error: StoreFailure) => void) | undefined
  #timer: Timer | undefined
  #failure: StoreFailure | undefined
  #isOver = false

  constructor(clock: Clock, onReplaced: ((error: StoreFailure) => void) | undefined) {
    this.#clock = clock
    this.#onReplaced = onReplaced
  }

  /** Set once the cluster is taken to be gone: nothing is to be asked of it any more, so that nobody waits for answers that can not come. */
  get failure(): StoreFailure | undefined {
    return this.#failure
  }

  /** An answer was of another cluster, or of an older state: `details` has which. */
  answered(details: string): void {
    if (this.#onReplaced === undefined || this.#isOver) return
    this.#timer ??= this.#clock.after(REPLACED_AFTER_MS, () => {
      this.#isOver = true
      this.#failure = new StoreFailure(
        'Refused',
        `etcd was restored or replaced while this server used it (${details}); what the server knows is no longer so, and it ends. Start it again`,
      )
      this.#onReplaced?.(this.#failure)
    })
  }

  /** An answer was what it should be. */
  clear(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
  }

  [Symbol.dispose](): void {
    this.clear()
    this.#isOver = true
  }
}
