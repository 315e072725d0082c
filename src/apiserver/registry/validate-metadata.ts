import { labelValue, qualifiedName, type ResourceDefinition } from '#api'
import { deepEqual } from '#base'
import type { FieldError, FieldErrorReason, KubernetesObject, ObjectMeta } from '#meta'

const ANNOTATIONS_BYTES_MAX = 256 * 1024

const error = (field: string, reason: FieldErrorReason, message: string): FieldError => ({ field, reason, message })
const invalidValue = (field: string, value: unknown, detail: string): FieldError =>
  error(field, 'FieldValueInvalid', `Invalid value: ${JSON.stringify(value)}: ${detail}`)

/** What every kind's metadata must fulfil. */
export function* validateCreate(object: KubernetesObject, resource: ResourceDefinition): Iterable<FieldError> {
  const metadata = object.metadata ?? {}
  yield* validateNames(metadata, resource)
  yield* validateMaps(metadata)
  yield* validateReferences(metadata, resource)
}

export function* validateUpdate(
  object: KubernetesObject,
  old: KubernetesObject,
  resource: ResourceDefinition,
): Iterable<FieldError> {
  const [metadata, before] = [object.metadata ?? {}, old.metadata ?? {}]
  if (before.deletionTimestamp !== undefined) {
    const added = (metadata.finalizers ?? []).filter((finalizer) => !before.finalizers?.includes(finalizer)).sort()
    if (added.length > 0) {
      const found = added.map((each) => JSON.stringify(each)).join(', ')
      const rule = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${found}}`
      yield error('metadata.finalizers', 'FieldValueForbidden', `Forbidden: ${rule}`)
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
    if (metadata[field] !== before[field]) yield invalidValue(`metadata.${field}`, metadata[field] ?? '', 'field is immutable')
  }
  yield* validateMaps(metadata)
  yield* validateReferences(metadata, resource)
}

/** What the kind says stays as it was; told of last. */
export function* validateImmutable(
  object: KubernetesObject,
  old: KubernetesObject,
  resource: ResourceDefinition,
): Iterable<FieldError> {
  for (const path of resource.immutableFields) {
    const [value, was] = [fieldAt(object, path), fieldAt(old, path)]
    if (!deepEqual(value, was)) yield invalidValue(path, value ?? null, 'field is immutable')
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
}

function* validateReferences(metadata: ObjectMeta, { custom, group }: ResourceDefinition): Iterable<FieldError> {
  const path = 'metadata.ownerReferences'
  let controller: string | undefined
  for (const owner of metadata.ownerReferences ?? []) {
    const { apiVersion = '', kind = '', name = '', uid = '' } = owner
    if (apiVersion.split('/').at(-1) === '') yield invalidValue(`${path}.apiVersion`, apiVersion, 'version must not be empty')
    for (const [field, value] of Object.entries({ kind, name, uid }))
      if (value === '') yield invalidValue(`${path}.${field}`, value, 'must not be empty')
    if (apiVersion === 'v1' && kind === 'Event')
      yield invalidValue(path, owner, '/v1, Kind=Event is disallowed from being an owner')
    if (!owner.controller) continue
    const current = `${kind}/${name}`
    if (controller !== undefined) {
      const rule = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${current}`
      yield invalidValue(path, metadata.ownerReferences, rule)
    } else controller = current
  }
  // The extensions' own kinds, and what they define, name finalizers as they like.
  yield* validateFinalizers(metadata.finalizers ?? [], custom === undefined && !EXTENSIONS.has(group))
}

const EXTENSIONS = new Set(['apiextensions.k8s.io', 'apiregistration.k8s.io'])
const STANDARD_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion'])

function* validateFinalizers(finalizers: readonly string[], areOurs: boolean): Iterable<FieldError> {
  const path = 'metadata.finalizers'
  for (const finalizer of finalizers) for (const detail of qualifiedName(finalizer)) yield invalidValue(path, finalizer, detail)
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion'))
    yield invalidValue(path, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set')
  if (!areOurs) return
  for (const [index, finalizer] of finalizers.entries()) {
    if (finalizer.includes('/') || STANDARD_FINALIZERS.has(finalizer)) continue
    yield invalidValue(`${path}[${index}]`, finalizer, 'name is neither a standard finalizer name nor is it fully qualified')
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
