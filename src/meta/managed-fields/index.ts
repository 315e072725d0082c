export type { FieldSet } from './field-set.ts'
export { type Applied, applyConfiguration, type ManagedWrite, managedByUpdate, type VersionForm } from './managed-fields.ts'
