import type { AuditEvent } from '../event.ts'

/** Keeps events somewhere. Disposing hands on what is still to be. */
export interface AuditBackend extends AsyncDisposable {
  /** False when some could not be kept; the backend has counted them then. Never throws. */
  process(events: readonly AuditEvent[]): boolean | Promise<boolean>
  /** The server ends: from now on nothing is tried twice. */
  closing?(): void
}
