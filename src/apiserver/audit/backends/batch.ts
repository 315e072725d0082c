import { type Clock, type Log, nextTurn, type Timer, TokenBucket } from '#base'
import type { AuditMetrics } from '../../audit-metrics.ts'
import type { AuditEvent } from '../event.ts'
import type { AuditBackend } from './backend.ts'

export interface BatchSettings {
  /** Events that wait; more are dropped. */
  readonly bufferSize: number
  /** Events that are handed on at once. */
  readonly maxSize: number
  /** How long an event waits for others. */
  readonly maxWaitMs: number
  /** Batches a second, and at once after a pause; absent: no limit. */
  readonly throttle?: { readonly qps: number; readonly burst: number } | undefined
  /** Batches that may be on their way at once. */
  readonly inFlightMax: number
}

/** Hands events on in batches, so that no request ever waits for where they go. Too many are dropped and counted. */
export class BatchBackend implements AuditBackend {
  readonly #delegate: AuditBackend
  readonly #settings: BatchSettings
  readonly #clock: Clock
  readonly #log: Log
  readonly #metrics: AuditMetrics
  readonly #inFlight = new Set<Promise<unknown>>()
  readonly #bucket: TokenBucket | undefined
  #buffer: AuditEvent[] = []
  #timer: Timer | undefined
  #draining: Promise<void> | undefined
  readonly #closing = new AbortController()
  /** Whether the event that waits longest has waited long enough. */
  #isDue = false
  #isLosing = false

  constructor(
    delegate: AuditBackend,
    settings: BatchSettings,
    { clock, log, metrics }: { readonly clock: Clock; readonly log: Log; readonly metrics: AuditMetrics },
  ) {
    this.#delegate = delegate
    this.#settings = settings
    this.#clock = clock
    this.#log = log
    this.#metrics = metrics
    this.#bucket = settings.throttle && new TokenBucket(settings.throttle, clock)
  }

  process(events: readonly AuditEvent[]): boolean {
    let lost = 0
    for (const event of events) {
      if (this.#buffer.length >= this.#settings.bufferSize || this.#closing.signal.aborted) lost++
      else this.#buffer.push(event)
    }
    if (lost > 0) {
      this.#metrics.lost('buffered', lost)
      // Once for each time that the buffer runs over.
      if (!this.#isLosing) this.#log.error('Audit events are dropped: the audit buffer queue is blocked', { lost })
    }
    this.#isLosing = lost > 0
    if (this.#buffer.length >= this.#settings.maxSize) this.#drainSoon()
    else if (this.#buffer.length > 0) this.#arm()
    return true
  }

  /** What waits is handed on, as far as whoever takes it does so by now. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort(new DOMException('the server is shutting down', 'AbortError'))
    this.#timer?.[Symbol.dispose]()
    this.#delegate.closing?.()
    await this.#draining
    while (this.#buffer.length > 0) await this.#delegate.process(this.#take())
    await this.#delegate[Symbol.asyncDispose]()
    await Promise.all(this.#inFlight)
  }

  #arm(): void {
    this.#timer ??= this.#clock.after(this.#settings.maxWaitMs, () => {
      this.#timer = undefined
      this.#isDue = true
      this.#drainSoon()
    })
  }

  #drainSoon(): void {
    if (this.#closing.signal.aborted) return
    this.#draining ??= this.#drain().finally(() => {
      this.#draining = undefined
      if (this.#buffer.length > 0) this.#arm()
    })
  }

  async #drain(): Promise<void> {
    await nextTurn()
    const { maxSize, inFlightMax } = this.#settings
    const { signal } = this.#closing
    while (!signal.aborted && this.#buffer.length > 0 && (this.#isDue || this.#buffer.length >= maxSize)) {
      await this.#bucket?.take(signal).catch(() => undefined)
      while (this.#inFlight.size >= inFlightMax && !signal.aborted) await Promise.race([...this.#inFlight, aborted(signal)])
      if (signal.aborted) return
      const sending = Promise.resolve(this.#delegate.process(this.#take()))
      this.#inFlight.add(sending)
      void sending.finally(() => this.#inFlight.delete(sending))
    }
  }

  #take(): AuditEvent[] {
    const batch = this.#buffer.slice(0, this.#settings.maxSize)
    this.#buffer = this.#buffer.slice(batch.length)
    if (this.#buffer.length === 0) this.#isDue = false
    return batch
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
