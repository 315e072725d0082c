/** Time as an argument: whoever waits or stamps is handed a clock, so that tests and simulations own it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Milliseconds from an arbitrary origin that never go backwards; for measuring durations. */
  monotonic(): number
  /** Resolves after `ms`; rejects with `signal.reason` when aborted first. */
  sleep(ms: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>
  /** Runs `callback` once after `ms`. Disposing the timer cancels it; disposing twice is harmless. */
  after(ms: number, callback: () => void): Timer
}

export interface Timer extends Disposable {
  /** Milliseconds since the epoch at which the timer fires. */
  readonly at: number
}

/** setTimeout treats longer delays as 1 ms. */
const TIMEOUT_MS_MAX = 2_147_483_647

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, options) => sleepOn(systemClock, ms, options?.signal),
  after(ms, callback) {
    const at = Date.now() + ms
    let handle: NodeJS.Timeout
    const arm = (remainingMs: number): void => {
      const stepMs = Math.min(Math.max(0, remainingMs), TIMEOUT_MS_MAX)
      handle = setTimeout(() => (remainingMs > stepMs ? arm(remainingMs - stepMs) : callback()), stepMs)
    }
    arm(ms)
    return { at, [Symbol.dispose]: () => clearTimeout(handle) }
  },
}

/** Implements {@link Clock.sleep} for any clock by its `after`. */
export function sleepOn(clock: Pick<Clock, 'after'>, ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    const onAbort = (): void => {
      timer[Symbol.dispose]()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
