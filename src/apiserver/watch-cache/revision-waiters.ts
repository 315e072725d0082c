import type { Revision } from '#store'

interface Waiter {
  readonly revision: Revision
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** Reads and writes that wait until the cache shows a revision, in order of it. */
export class RevisionWaiters {
  #waiters: Waiter[] = []
  #failure: unknown

  /** Rejects with `signal.reason` when aborted first, and with what `fail` was given. */
  async wait(revision: Revision, signal: AbortSignal | undefined): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter: Waiter = { revision, resolve, reject }
    this.#waiters.splice(this.#firstAfter(revision), 0, waiter)
    if (signal === undefined) return promise
    const onAbort = (): void => {
      const at = this.#waiters.indexOf(waiter)
      if (at !== -1) this.#waiters.splice(at, 1)
      reject(signal.reason)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  advance(revision: Revision): void {
    if (this.#waiters.length === 0 || this.#waiters[0]!.revision > revision) return
    for (const { resolve } of this.#waiters.splice(0, this.#firstAfter(revision))) resolve()
  }

  /** Nothing more will come. */
  fail(reason: unknown): void {
    this.#failure ??= reason
    for (const { reject } of this.#waiters.splice(0)) reject(reason)
  }

  #firstAfter(revision: Revision): number {
    let low = 0
    let high = this.#waiters.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#waiters[middle]!.revision <= revision) low = middle + 1
      else high = middle
    }
    return low
  }
}
