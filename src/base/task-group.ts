/**
 * Owns promises that nobody awaits. Disposing aborts the group's signal and waits for every task.
 * A task that fails for another reason than the abort is reported to `onError` once; the others go on.
 */
export class TaskGroup implements AsyncDisposable {
  readonly #controller = new AbortController()
  readonly #tasks = new Set<Promise<void>>()
  readonly #onError: (error: unknown) => void
  readonly #unlink: () => void

  constructor(options: { readonly signal?: AbortSignal | undefined; readonly onError: (error: unknown) => void }) {
    this.#onError = options.onError
    const parent = options.signal
    const onAbort = (): void => this.#controller.abort(parent?.reason)
    if (parent?.aborted) onAbort()
    parent?.addEventListener('abort', onAbort, { once: true })
    this.#unlink = () => parent?.removeEventListener('abort', onAbort)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  spawn(task: (signal: AbortSignal) => Promise<void>): void {
    const running: Promise<void> = this.#run(task).finally(() => this.#tasks.delete(running))
    this.#tasks.add(running)
  }

  async #run(task: (signal: AbortSignal) => Promise<void>): Promise<void> {
    try {
      await task(this.signal)
    } catch (error) {
      if (!this.signal.aborted) this.#onError(error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unlink()
    this.#controller.abort(new DOMException('the task group was disposed', 'AbortError'))
    while (this.#tasks.size > 0) await Promise.all(this.#tasks)
  }
}
