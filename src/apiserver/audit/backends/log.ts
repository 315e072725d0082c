import type { Log } from '#base'
import type { AuditMetrics } from '../../audit-metrics.ts'
import { type AuditEvent, legacyLine } from '../event.ts'
import type { AuditBackend } from './backend.ts'

export type AuditLogFormat = 'json' | 'legacy'

/** What lines are written to: whole ones, at once. */
export interface LineSink extends AsyncDisposable {
  write(bytes: Uint8Array): void
}

export const standardOutput: LineSink = {
  write: (bytes) => void process.stdout.write(bytes),
  async [Symbol.asyncDispose]() {},
}

/** Writes a line for each event. */
export class LogBackend implements AuditBackend {
  readonly #sink: LineSink
  readonly #format: AuditLogFormat
  readonly #metrics: AuditMetrics
  readonly #log: Log

  constructor(sink: LineSink, format: AuditLogFormat, { metrics, log }: { readonly metrics: AuditMetrics; readonly log: Log }) {
    this.#sink = sink
    this.#format = format
    this.#metrics = metrics
    this.#log = log
  }

  process(events: readonly AuditEvent[]): boolean {
    let isKept = true
    for (const event of events) {
      try {
        this.#sink.write(Buffer.from(`${this.#format === 'json' ? JSON.stringify(event) : legacyLine(event)}\n`))
      } catch (error) {
        isKept = false
        this.#metrics.lost('log', 1)
        this.#log.error('An audit event could not be written', { auditID: event.auditID, error })
      }
    }
    return isKept
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#sink[Symbol.asyncDispose]()
  }
}
