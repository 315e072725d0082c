import { type Findings, labelValue, qualifiedName, type ResourceDefinition } from '#api'
import { deepEqual } from '#base'
import type { FieldError, FieldErrorReason, KubernetesObject, ObjectMeta } from '#meta'

const ANNOTATIONS_BYTES_MAX = 256 * 1024

const error = (field: string, reason: FieldErrorReason, message: string): FieldError => ({ field, reason, message })
const invalidValue = (field: string, value: unknown, detail: string): FieldError =>
  error(field, 'FieldValueInvalid', `Invalid value: ${JSON.stringify(value)}: ${detail}`)

/** What every kind's metadata must fulfil. */
export function validateCreate(object: KubernetesObject, resource: ResourceDefinition, found: Findings): void {
  const metadata = object.metadata ?? {}
  validateNames(metadata, resource, found)
  validateMaps(metadata, found)
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
  validateMaps(metadata, found)
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

function validateMaps(metadata: ObjectMeta, found: Findings): void {
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    for (const detail of qualifiedName(key)) found.push(invalidValue('metadata.labels', key, detail))
    for (const detail of labelValue(value)) found.push(invalidValue('metadata.labels', value, detail))
  }
  let size = 0
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    for (const detail of qualifiedName(key.toLowerCase())) found.push(invalidValue('metadata.annotations', key, detail))
    size += Buffer.byteLength(key) + Buffer.byteLength(value)
  }
  if (size > ANNOTATIONS_BYTES_MAX)
    found.push(
      error('metadata.annotations', 'FieldValueTooLong', `Too long: may not be more than ${ANNOTATIONS_BYTES_MAX} bytes`),
    )
}

function validateReferences(metadata: ObjectMeta, { custom, group }: ResourceDefinition, found: Findings): void {
  const path = 'metadata.ownerReferences'
  let controller: string | undefined
  for (const owner of metadata.ownerReferences ?? []) {
    const { apiVersion = '', kind = '', name = '', uid = '' } = owner
    if (apiVersion.split('/').at(-1) === '')
      found.push(invalidValue(`${path}.apiVersion`, apiVersion, 'version must not be empty'))
    for (const [field, value] of Object.entries({ kind, name, uid }))
      if (value === '') found.push(invalidValue(`${path}.${field}`, value, 'must not be empty'))
    if (apiVersion === 'v1' && kind === 'Event')
      found.push(invalidValue(path, owner, '/v1, Kind=Event is disallowed from being an owner'))
    if (!owner.controller) continue
    const current = `${kind}/${name}`
    if (controller !== undefined) {
      const rule = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${current}`
      found.push(invalidValue(path, metadata.ownerReferences, rule))
    } else controller = current
  }
  // The extensions' own kinds, and what they define, name finalizers as they like.
  validateFinalizers(metadata.finalizers ?? [], custom === undefined && !EXTENSIONS.has(group), found)
}

const EXTENSIONS = new Set(['apiextensions.k8s.io', 'apiregistration.k8s.io'])
const STANDARD_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion'])

function validateFinalizers(finalizers: readonly string[], areOurs: boolean, found: Findings): void {
  const path = 'metadata.finalizers'
  for (const finalizer of finalizers)
    for (const detail of qualifiedName(finalizer)) found.push(invalidValue(path, finalizer, detail))
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion'))
    found.push(invalidValue(path, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'))
  if (!areOurs) return
  for (const [index, finalizer] of finalizers.entries()) {
    if (finalizer.includes('/') || STANDARD_FINALIZERS.has(finalizer)) continue
    found.push(
      invalidValue(`${path}[${index}]`, finalizer, 'name is neither a standard finalizer name nor is it fully qualified'),
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
