import { type Clock, sleepOn, type Timer, type VirtualClock } from '#base'

/** Longer chains of promises than any that needs no event in between. */
const PROMISE_TURNS = 100

/** The clock of one process among several that share a virtual time: it may be wrong, be set, and stand still with its process, as after SIGSTOP. */
export class ProcessClock implements Clock {
  readonly #time: VirtualClock
  #offsetMs: number
  /** What fell due while the process was stopped. */
  #due: (() => void)[] | undefined

  constructor(time: VirtualClock, offsetMs = 0) {
    this.#time = time
    this.#offsetMs = offsetMs
  }

  now(): number {
    return this.#time.now() + this.#offsetMs
  }

  /** Has an origin of its own, as that of every machine; goes on while the process stands still. */
  monotonic(): number {
    return this.#time.monotonic() - 1_000_000
  }

  sleep(ms: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    return sleepOn(this, ms, options?.signal)
  }

  after(ms: number, callback: () => void): Timer {
    let cancelled = false
    const run = (): void => {
      if (!cancelled) callback()
    }
    const timer = this.#time.after(ms, () => (this.#due === undefined ? run() : void this.#due.push(run)))
    return {
      at: timer.at + this.#offsetMs,
      [Symbol.dispose]: () => {
        cancelled = true
        timer[Symbol.dispose]()
      },
    }
  }

  /** Somebody sets the clock. */
  jump(ms: number): void {
    this.#offsetMs += ms
  }

  stop(): void {
    this.#due ??= []
  }

  /** What is due runs at once, in its order, each with the promises that it resolves. */
  async resume(): Promise<void> {
    for (const run of this.#due ?? []) {
      run()
      for (let turn = 0; turn < PROMISE_TURNS; turn++) await Promise.resolve()
    }
    this.#due = undefined
  }
}
