/** How long somebody waits for an answer. */
export interface Patience {
  /** Aborted, with the reason, when nobody waits any more. */
  readonly signal: AbortSignal
  /** Calls back once, when nobody waits any more; at once where that is so already. A signal costs more than most of what waits: this costs an entry in a set. */
  onEnd(callback: (reason: unknown) => void): Disposable
}

/** The patience of somebody who says when it ends. Its signal is made for who asks. */
export class EndingPatience implements Patience {
  #callbacks: Set<(reason: unknown) => void> | undefined
  #end: { readonly reason: unknown } | undefined
  #signal: AbortSignal | undefined

  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      const controller = new AbortController()
      this.#signal = controller.signal
      this.onEnd((reason) => controller.abort(reason))
    }
    return this.#signal
  }

  onEnd(callback: (reason: unknown) => void): Disposable {
    if (this.#end !== undefined) {
      callback(this.#end.reason)
      return NOTHING_LEFT
    }
    this.#callbacks ??= new Set()
    const callbacks = this.#callbacks.add(callback)
    return { [Symbol.dispose]: () => void callbacks.delete(callback) }
  }

  /** Once; later reasons are none. */
  end(reason: unknown): void {
    if (this.#end !== undefined) return
    this.#end = { reason }
    for (const callback of this.#callbacks ?? []) callback(reason)
    this.#callbacks = undefined
  }
}

/** The patience that a signal tells of, which is asked for when it is needed. Without one it has no end. */
export class SignalPatience implements Patience {
  readonly #holder: { readonly signal?: AbortSignal | undefined }

  constructor(holder: { readonly signal?: AbortSignal | undefined }) {
    this.#holder = holder
  }

  get signal(): AbortSignal {
    return this.#holder.signal ?? NEVER
  }

  onEnd(callback: (reason: unknown) => void): Disposable {
    const { signal } = this.#holder
    if (signal === undefined) return NOTHING_LEFT
    const onAbort = (): void => callback(signal.reason)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    return { [Symbol.dispose]: () => signal.removeEventListener('abort', onAbort) }
  }
}

const NOTHING_LEFT: Disposable = { [Symbol.dispose]: () => undefined }
const NEVER = new AbortController().signal
