import type { Clock, Log, Random, Timer } from '#base'
import type { Transport } from '#client'
import type { AuditMetrics } from '../../audit-metrics.ts'
import type { AuditEvent } from '../event.ts'
import type { AuditBackend } from './backend.ts'

export interface WebhookBackendOptions {
  /** To the webhook's URL. Owned by the backend. */
  readonly transport: Transport
  readonly initialBackoffMs: number
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: AuditMetrics
}

const ATTEMPTS_MAX = 5
const BACKOFF_FACTOR = 1.5
const BACKOFF_JITTER = 0.2
const REQUEST_TIMEOUT_MS = 30_000
/** Of an answer, so much is read, to go on with the connection; only its status is heard. */
const ANSWER_BYTES_MAX = 1024 * 1024
/** What a server that ends still gives the webhook. */
const CLOSING_MS = 5_000

/** Posts events as an EventList. What fails is tried again, later each time, and then given up. */
export class WebhookBackend implements AuditBackend {
  readonly #options: WebhookBackendOptions
  readonly #closing = new AbortController()
  readonly #closed = new AbortController()
  #closingTimer: Timer | undefined
  /** Whether the last attempt got through: only then is it worth while to send more at the end. */
  #isWell = true

  constructor(options: WebhookBackendOptions) {
    this.#options = options
  }

  async process(events: readonly AuditEvent[]): Promise<boolean> {
    const { clock, random, log, metrics, initialBackoffMs } = this.#options
    const body = Buffer.from(JSON.stringify({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {}, items: events }))
    let problem: unknown = new Error('the webhook does not answer')
    let backoffMs = initialBackoffMs
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      if (this.#closing.signal.aborted && !this.#isWell) break
      try {
        await this.#post(body)
        this.#isWell = true
        return true
      } catch (error) {
        problem = error
        this.#isWell = false
      }
      if (attempt === ATTEMPTS_MAX || this.#closing.signal.aborted) break
      const waitMs = backoffMs * (1 + random.float() * BACKOFF_JITTER)
      await clock.sleep(waitMs, { signal: this.#closing.signal }).catch(() => undefined)
      backoffMs *= BACKOFF_FACTOR
    }
    metrics.lost('webhook', events.length)
    log.error('Audit events could not be sent to the webhook', { events: events.length, error: problem })
    return false
  }

  closing(): void {
    if (this.#closing.signal.aborted) return
    this.#closing.abort(new DOMException('the server is shutting down', 'AbortError'))
    this.#closingTimer = this.#options.clock.after(CLOSING_MS, () => this.#close())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closing()
    this.#close()
    await this.#options.transport[Symbol.asyncDispose]()
  }

  #close(): void {
    this.#closingTimer?.[Symbol.dispose]()
    this.#closed.abort(new DOMException('the server is shutting down', 'AbortError'))
  }

  async #post(bytes: Uint8Array): Promise<void> {
    const { transport, clock } = this.#options
    const late = new AbortController()
    using _timer = clock.after(REQUEST_TIMEOUT_MS, () => late.abort(new Error('the webhook took longer than 30 s')))
    const response = await transport.request({
      method: 'POST',
      path: '',
      headers: { 'content-type': 'application/json' },
      body: { kind: 'bytes', bytes },
      signal: AbortSignal.any([late.signal, this.#closed.signal]),
    })
    let received = 0
    if (response.body.kind === 'stream')
      for await (const chunk of response.body.stream) {
        received += chunk.length
        if (late.signal.aborted || received > ANSWER_BYTES_MAX) break
      }
    if (response.status < 200 || response.status > 299) throw new Error(`the webhook answered ${response.status}`)
  }
}
