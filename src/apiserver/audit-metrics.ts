import type { AuditLevel } from './audit/policy.ts'
import { LabelledNumbers } from './prometheus.ts'

/** Upstream's metrics of auditing. */
export class AuditMetrics {
  readonly #events = new LabelledNumbers(
    'apiserver_audit_event_total',
    'counter',
    'Counter of audit events generated and sent to the audit backend.',
  )
  readonly #errors = new LabelledNumbers(
    'apiserver_audit_error_total',
    'counter',
    'Counter of audit events that failed to be audited properly. Plugin identifies the plugin affected by the error.',
  )
  readonly #levels = new LabelledNumbers(
    'apiserver_audit_level_total',
    'counter',
    'Counter of policy levels for audit events (1 per request).',
  )
  readonly #rejected = new LabelledNumbers(
    'apiserver_audit_requests_rejected_total',
    'counter',
    'Counter of apiserver requests rejected due to an error in audit logging backend.',
  )

  constructor() {
    this.#events.add({}, 0)
    this.#rejected.add({}, 0)
  }

  event(): void {
    this.#events.add({})
  }

  level(level: AuditLevel): void {
    this.#levels.add({ level })
  }

  /** Events that a backend could not keep. */
  lost(plugin: string, events: number): void {
    this.#errors.add({ plugin }, events)
  }

  rejected(): void {
    this.#rejected.add({})
  }

  text(): string {
    return [this.#events, this.#errors, this.#levels, this.#rejected].map((family) => family.text()).join('')
  }
}
