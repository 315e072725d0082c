import { labelValue, qualifiedName, type ResourceDefinition } from '#api'
import { deepEqual } from '#base'
import { type FieldError, type FieldErrorReason, type KubernetesObject, missingRequired, type ObjectMeta } from '#meta'

const ANNOTATIONS_BYTES_MAX = 256 * 1024

const error = (field: string, reason: FieldErrorReason, message: string): FieldError => ({ field, reason, message })
const invalidValue = (field: string, value: unknown, detail: string): FieldError =>
  error(field, 'FieldValueInvalid', `Invalid value: ${JSON.stringify(value)}: ${detail}`)

/** What every kind's metadata must fulfil. */
export function* validateCreate(object: KubernetesObject, resource: ResourceDefinition): Iterable<FieldError> {
  const metadata = object.metadata ?? {}
  yield* validateNames(metadata, resource)
  yield* validateMaps(metadata)
  yield* validateReferences(metadata)
}

export function* validateUpdate(
  object: KubernetesObject,
  old: KubernetesObject,
  resource: ResourceDefinition,
): Iterable<FieldError> {
  const [metadata, before] = [object.metadata ?? {}, old.metadata ?? {}]
  yield* validateMaps(metadata)
  yield* validateReferences(metadata)
  for (const field of [
    'name',
    'namespace',
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
  ] as const) {
    if (metadata[field] !== before[field]) yield invalidValue(`metadata.${field}`, metadata[field] ?? '', 'field is immutable')
  }
  if (before.deletionTimestamp !== undefined) {
    const added = (metadata.finalizers ?? []).filter((finalizer) => !before.finalizers?.includes(finalizer))
    if (added.length > 0) {
      yield error(
        'metadata.finalizers',
        'FieldValueForbidden',
        `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((each) => JSON.stringify(each)).join(', ')}}`,
      )
    }
  }
  for (const path of resource.immutableFields) {
    const [value, was] = [fieldAt(object, path), fieldAt(old, path)]
    if (!deepEqual(value, was)) yield invalidValue(path, value ?? null, 'field is immutable')
  }
}

/**
 * The fields that the schema requires and `known` says nothing of yet; a kind's own rules have better words. A status is the
 * business of whoever writes it. Custom kinds say all there is to say of their schema.
 */
export function* validateRequired(
  object: KubernetesObject,
  resource: ResourceDefinition,
  known: readonly FieldError[],
): Iterable<FieldError> {
  if (resource.custom !== undefined) return
  for (const path of missingRequired(object, resource.schema())) {
    const said = known.some(({ field }) => field === path || field.startsWith(`${path}.`) || field.startsWith(`${path}[`))
    if (!said && !path.startsWith('status.')) yield error(path, 'FieldValueRequired', 'Required value')
  }
}

function* validateNames(metadata: ObjectMeta, resource: ResourceDefinition): Iterable<FieldError> {
  if (metadata.generateName) {
    for (const detail of resource.validateName(metadata.generateName, true))
      yield invalidValue('metadata.generateName', metadata.generateName, detail)
  }
  if (!metadata.name) {
    yield error('metadata.name', 'FieldValueRequired', 'Required value: name or generateName is required')
    return
  }
  for (const detail of resource.validateName(metadata.name, false)) yield invalidValue('metadata.name', metadata.name, detail)
}

function* validateMaps(metadata: ObjectMeta): Iterable<FieldError> {
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    for (const detail of qualifiedName(key)) yield invalidValue('metadata.labels', key, detail)
    for (const detail of labelValue(value)) yield invalidValue('metadata.labels', value, detail)
  }
  let size = 0
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    for (const detail of qualifiedName(key.toLowerCase())) yield invalidValue('metadata.annotations', key, detail)
    size += Buffer.byteLength(key) + Buffer.byteLength(value)
  }
  if (size > ANNOTATIONS_BYTES_MAX)
    yield error('metadata.annotations', 'FieldValueTooLong', `Too long: may not be more than ${ANNOTATIONS_BYTES_MAX} bytes`)
  for (const finalizer of metadata.finalizers ?? []) {
    for (const detail of qualifiedName(finalizer)) yield invalidValue('metadata.finalizers', finalizer, detail)
  }
}

function* validateReferences(metadata: ObjectMeta): Iterable<FieldError> {
  let controllers = 0
  for (const [index, owner] of (metadata.ownerReferences ?? []).entries()) {
    const path = `metadata.ownerReferences[${index}]`
    for (const field of ['apiVersion', 'kind', 'name', 'uid'] as const) {
      if (!owner[field]) yield invalidValue(`${path}.${field}`, owner[field] ?? '', 'must not be empty')
    }
    if (owner.controller) controllers++
  }
  if (controllers > 1) {
    yield invalidValue(
      'metadata.ownerReferences',
      metadata.ownerReferences,
      'Only one reference can have Controller set to true. Found "true" in several references',
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
