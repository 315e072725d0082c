import type { Log } from '#base'
import type { AuditMetrics } from '../../audit-metrics.ts'
import type { AuditEvent } from '../event.ts'
import type { AuditBackend } from './backend.ts'

export interface TruncateSettings {
  /** Of an event; a larger one loses its objects, or is dropped. */
  readonly maxEventBytes: number
  /** Of events that are handed on together. */
  readonly maxBatchBytes: number
}

const TRUNCATED = 'audit.k8s.io/truncated'

/** Keeps events, and batches of them, below a size. */
export class TruncateBackend implements AuditBackend {
  readonly #delegate: AuditBackend
  readonly #settings: TruncateSettings
  readonly #metrics: AuditMetrics
  readonly #log: Log

  constructor(
    delegate: AuditBackend,
    settings: TruncateSettings,
    { metrics, log }: { readonly metrics: AuditMetrics; readonly log: Log },
  ) {
    this.#delegate = delegate
    this.#settings = settings
    this.#metrics = metrics
    this.#log = log
  }

  async process(events: readonly AuditEvent[]): Promise<boolean> {
    const { maxEventBytes, maxBatchBytes } = this.#settings
    let isKept = true
    let batch: AuditEvent[] = []
    let batchBytes = 0
    for (const event of events) {
      const fitting = sizeOf(event) > maxEventBytes ? truncated(event) : event
      const bytes = sizeOf(fitting)
      if (bytes > maxEventBytes) {
        this.#metrics.lost('truncate', 1)
        this.#log.error('An audit event is too large even after truncating', { auditID: event.auditID, bytes })
        continue
      }
      if (batch.length > 0 && batchBytes + bytes > maxBatchBytes) {
        isKept = (await this.#delegate.process(batch)) && isKept
        batch = []
        batchBytes = 0
      }
      batch.push(fitting)
      batchBytes += bytes
    }
    return batch.length === 0 ? isKept : (await this.#delegate.process(batch)) && isKept
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#delegate[Symbol.asyncDispose]()
  }
}

const sizeOf = (event: AuditEvent): number => Buffer.byteLength(JSON.stringify(event))

function truncated({ requestObject: _, responseObject: __, ...event }: AuditEvent): AuditEvent {
  if (event.level !== 'Request' && event.level !== 'RequestResponse') return event
  return { ...event, annotations: { ...event.annotations, [TRUNCATED]: 'true' } }
}
