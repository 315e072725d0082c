import { assert } from './assert.ts'
import { type Clock, sleepOn, type Timer } from './clock.ts'

interface Pending {
  readonly at: number
  readonly order: number
  readonly callback: () => void
}

/** Turns of the event loop given to running work before time moves on. */
const SETTLE_TURNS = 20

/**
 * A clock that moves only when told to. Timers fire in order of their time, then of their creation;
 * between two timers, pending promises and immediates run. `now()` inside a callback is the timer's own time.
 *
 *     clock.after(10, a); clock.after(5, b); await clock.advance(10)   // b at 5, a at 10
 */
export class VirtualClock implements Clock {
  #nowMs: number
  #order = 0
  readonly #pending = new Set<Pending>()

  readonly #settle: () => Promise<void>

  /** `settleWork` lets all work that is under way come to rest, where some of it is not in this process's promises. */
  constructor(startMs = Date.UTC(2026, 0, 1), settleWork = settle) {
    this.#nowMs = startMs
    this.#settle = settleWork
  }

  now(): number {
    return this.#nowMs
  }

  monotonic(): number {
    return this.#nowMs
  }

  sleep(ms: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    return sleepOn(this, ms, options?.signal)
  }

  after(ms: number, callback: () => void): Timer {
    const pending: Pending = { at: this.#nowMs + Math.max(0, ms), order: this.#order++, callback }
    this.#pending.add(pending)
    return { at: pending.at, [Symbol.dispose]: () => void this.#pending.delete(pending) }
  }

  /** Timers that have not fired; a test that ends with some has leaked them. */
  get pendingTimers(): number {
    return this.#pending.size
  }

  /** Moves time forward by `ms`, firing what falls due, and lets the work it causes settle. */
  async advance(ms: number): Promise<void> {
    assert(ms >= 0, 'time never goes backwards')
    const targetMs = this.#nowMs + ms
    await this.#settle()
    for (let next = this.#earliest(); next !== undefined && next.at <= targetMs; next = this.#earliest()) {
      this.#pending.delete(next)
      this.#nowMs = Math.max(this.#nowMs, next.at)
      next.callback()
      await this.#settle()
    }
    this.#nowMs = targetMs
  }

  #earliest(): Pending | undefined {
    let best: Pending | undefined
    for (const pending of this.#pending) {
      if (best === undefined || pending.at < best.at || (pending.at === best.at && pending.order < best.order)) best = pending
    }
    return best
  }
}

/** Lets promises, immediates and in-process messages that are already under way run to their end. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
