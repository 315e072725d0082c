export { Audit, type AuditLogSettings, type AuditMode, type AuditSettings, type AuditWebhookSettings } from './audit.ts'
export type { AuditEvent } from './event.ts'
export type { AuditPolicy } from './policy.ts'
export type { AuditTrail } from './trail.ts'
