import { type Findings, type ResourceDefinition, validateFinalizers, validateMaps, validateOwners } from '#api'
import { deepEqual } from '#base'
import type { FieldError, FieldErrorReason, KubernetesObject, ObjectMeta } from '#meta'

const error = (field: string, reason: FieldErrorReason, message: string): FieldError => ({ field, reason, message })
const invalidValue = (field: string, value: unknown, detail: string): FieldError =>
  error(field, 'FieldValueInvalid', `Invalid value: ${JSON.stringify(value)}: ${detail}`)

/** What every kind's metadata must fulfil. */
export function validateCreate(object: KubernetesObject, resource: ResourceDefinition, found: Findings): void {
  const metadata = object.metadata ?? {}
  validateNames(metadata, resource, found)
  validateMaps(metadata, 'metadata', found)
  validateReferences(metadata, resource, found)
}

export function validateUpdate(
  object: KubernetesObject,
  old: KubernetesObject,
  resource: ResourceDefinition,
  found: Findings,
): void {
  const [metadata, before] = [object.metadata ?? {}, old.metadata ?? {}]
  if (before.deletionTimestamp !== undefined) {
    const added = (metadata.finalizers ?? []).filter((finalizer) => !before.finalizers?.includes(finalizer)).sort()
    if (added.length > 0) {
      const shown = added.map((each) => JSON.stringify(each)).join(', ')
      const rule = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${shown}}`
      found.push(error('metadata.finalizers', 'FieldValueForbidden', `Forbidden: ${rule}`))
    }
  }
  for (const field of [
    'name',
    'namespace',
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
  ] as const) {
    if (metadata[field] !== before[field])
      found.push(invalidValue(`metadata.${field}`, metadata[field] ?? '', 'field is immutable'))
  }
  validateMaps(metadata, 'metadata', found)
  validateReferences(metadata, resource, found)
}

/** What the kind says stays as it was; told of last. */
export function validateImmutable(
  object: KubernetesObject,
  old: KubernetesObject,
  resource: ResourceDefinition,
  found: Findings,
): void {
  for (const path of resource.immutableFields) {
    const [value, was] = [fieldAt(object, path), fieldAt(old, path)]
    if (!deepEqual(value, was)) found.push(invalidValue(path, value ?? null, 'field is immutable'))
  }
}

function validateNames(metadata: ObjectMeta, resource: ResourceDefinition, found: Findings): void {
  if (metadata.generateName) {
    for (const detail of resource.validateName(metadata.generateName, true))
      found.push(invalidValue('metadata.generateName', metadata.generateName, detail))
  }
  if (!metadata.name) {
    found.push(error('metadata.name', 'FieldValueRequired', 'Required value: name or generateName is required'))
    return
  }
  for (const detail of resource.validateName(metadata.name, false))
    found.push(invalidValue('metadata.name', metadata.name, detail))
}

function validateReferences(metadata: ObjectMeta, { custom, group }: ResourceDefinition, found: Findings): void {
  validateOwners(metadata, 'metadata', found)
  validateFinalizers(metadata, 'metadata', found)
  // The extensions' own kinds, and what they define, name finalizers as they like.
  if (custom === undefined && !EXTENSIONS.has(group)) validateOurFinalizers(metadata.finalizers ?? [], found)
}

const EXTENSIONS = new Set(['apiextensions.k8s.io', 'apiregistration.k8s.io'])
const STANDARD_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion'])

function validateOurFinalizers(finalizers: readonly string[], found: Findings): void {
  for (const [index, finalizer] of finalizers.entries()) {
    if (finalizer.includes('/') || STANDARD_FINALIZERS.has(finalizer)) continue
    found.push(
      invalidValue(
        `metadata.finalizers[${index}]`,
        finalizer,
        'name is neither a standard finalizer name nor is it fully qualified',
      ),
    )
  }
}

function fieldAt(object: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, key) => (typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined),
      object,
    )
}
