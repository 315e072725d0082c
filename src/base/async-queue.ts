/**
 * A bounded hand-over between one producer and one consumer. `push` never waits: past the bound it returns false and
 * the caller decides (cut the consumer off, count a loss). Iteration ends after `close`, or throws after `fail`, once drained.
 */
export class AsyncQueue<T> implements AsyncIterableIterator<T> {
  #items: (T | undefined)[] = []
  #head = 0
  #wake: (() => void) | undefined
  #ended = false
  #error: unknown
  readonly #bound: number

  constructor(bound: number) {
    this.#bound = bound
  }

  get size(): number {
    return this.#items.length - this.#head
  }

  get ended(): boolean {
    return this.#ended
  }

  push(item: T): boolean {
    if (this.#ended || this.size >= this.#bound) return false
    this.#items.push(item)
    this.#notify()
    return true
  }

  close(): void {
    this.#ended = true
    this.#notify()
  }

  fail(error: unknown): void {
    if (this.#ended) return
    this.#error = error
    this.close()
  }

  async next(): Promise<IteratorResult<T>> {
    for (;;) {
      if (this.#head < this.#items.length) return { done: false, value: this.#shift() }
      if (this.#ended) {
        const error = this.#error
        this.#error = undefined
        if (error !== undefined) throw error
        return { done: true, value: undefined }
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Takes what is there without waiting. */
  drain(): T[] {
    const items = this.#items.slice(this.#head) as T[]
    this.#items = []
    this.#head = 0
    return items
  }

  return(): Promise<IteratorResult<T>> {
    this.drain()
    this.close()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #shift(): T {
    const item = this.#items[this.#head] as T
    this.#items[this.#head++] = undefined
    // Amortised: the spent half is dropped once it outweighs the rest.
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  #notify(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
