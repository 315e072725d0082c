export type { FieldSet } from './field-set.ts'
export { type Applied, applyConfiguration, type ManagedWrite, managedByUpdate, type VersionForm } from './managed-fields.ts'
export { mergeConfiguration } from './merge.ts'
export { storedTypeErrors, typeErrors } from './typed.ts'
