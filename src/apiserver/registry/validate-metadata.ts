import {
  asJson,
  complaints,
  type Findings,
  forbid,
  foundBy,
  IMMUTABLE,
  invalidValue,
  kubernetesFinalizer,
  pathSegmentName,
  type ResourceDefinition,
  required,
  validateFinalizers,
  validateManagedFields,
  validateMaps,
  validateOwners,
} from '#api'
import { deepEqual } from '#base'
import { goQuote, inByteOrder, type KubernetesObject, type ObjectMeta } from '#meta'

/** What every kind's metadata must fulfil. */
export function validateCreate(object: KubernetesObject, resource: ResourceDefinition, found: Findings): void {
  const metadata = object.metadata ?? {}
  validateNames(metadata, resource.validateName, found)
  validateMaps(metadata, PATH, found)
  validateOwners(metadata, PATH, found)
  validateFinalizers(metadata, PATH, found)
  validateManagedFields(metadata, PATH, found)
  validateOurFinalizers(metadata, resource, found)
}

const PATH = 'metadata'

/**
 * What metadata must fulfil that takes the place of other. Upstream looks thrice, as at what is new, as at what replaces, and once more by the kind's own rules, and tells
 * what is wrong each time.
 */
export function validateUpdate(
  object: KubernetesObject,
  old: KubernetesObject,
  resource: ResourceDefinition,
  found: Findings,
): void {
  const [metadata, before] = [object.metadata ?? {}, old.metadata ?? {}]
  const content = foundBy((each) => {
    validateMaps(metadata, PATH, each)
    validateOwners(metadata, PATH, each)
  })
  const managers = foundBy((each) => validateManagedFields(metadata, PATH, each))
  const replacing = foundBy((each) => validateReplacing(metadata, before, each))
  validateNames(metadata, pathSegmentName, found)
  found.push(...content)
  validateFinalizers(metadata, PATH, found)
  found.push(...managers, ...replacing, ...content, ...managers)
  found.push(...replacing, ...content, ...managers)
  validateOurFinalizers(metadata, resource, found)
}

/** What an update may not change. */
function validateReplacing(metadata: ObjectMeta, before: ObjectMeta, found: Findings): void {
  if (before.deletionTimestamp !== undefined) {
    const had = new Set(before.finalizers)
    const added = [...new Set(metadata.finalizers)].filter((finalizer) => !had.has(finalizer)).sort(inByteOrder)
    if (added.length > 0) {
      const shown = added.map(goQuote).join(', ')
      const rule = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${shown}}`
      found.push(forbid('metadata.finalizers', rule))
    }
  }
  for (const field of ['name', 'namespace'] as const)
    if (metadata[field] !== before[field]) found.push(invalidValue(`metadata.${field}`, metadata[field] ?? '', IMMUTABLE))
  if (metadata.uid !== before.uid) found.push(invalidValue('metadata.uid', asJson(metadata.uid ?? ''), IMMUTABLE))
  for (const field of ['creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const) {
    const value = metadata[field]
    if (value === before[field]) continue
    found.push(invalidValue(`metadata.${field}`, typeof value === 'string' ? asJson(value) : value, IMMUTABLE))
  }
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
    if (!deepEqual(value, was)) found.push(invalidValue(path, value ?? null, IMMUTABLE))
  }
}

function validateNames(metadata: ObjectMeta, rule: ResourceDefinition['validateName'], found: Findings): void {
  const { generateName, name } = metadata
  if (generateName) complaints(rule(generateName, true), generateName, 'metadata.generateName', found)
  if (name) complaints(rule(name, false), name, 'metadata.name', found)
  else found.push(required('metadata.name', 'name or generateName is required'))
}

const EXTENSIONS = new Set(['apiextensions.k8s.io', 'apiregistration.k8s.io'])

/** The extensions' own kinds, and what they define, name finalizers as they like. */
function validateOurFinalizers({ finalizers = [] }: ObjectMeta, { custom, group }: ResourceDefinition, found: Findings): void {
  if (custom !== undefined || EXTENSIONS.has(group)) return
  for (const [index, finalizer] of finalizers.entries()) kubernetesFinalizer(finalizer, `metadata.finalizers[${index}]`, found)
}

function fieldAt(object: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, key) => (typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined),
      object,
    )
}
