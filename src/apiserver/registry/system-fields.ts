import type { ResourceDefinition } from '#api'
import { type Clock, deepClone, deepEqual, type Random } from '#base'
import { apiVersionOf, badRequest, fillRequired, formatTime, type KubernetesObject, type ObjectMeta, zeroValue } from '#meta'

const NAME_SUFFIX_LENGTH = 5
const GENERATED_BASE_LENGTH_MAX = 58

/** What the server gives a new object: its name, place, identity and time. */
export function prepareMetadata(
  object: KubernetesObject,
  resource: ResourceDefinition,
  namespace: string,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): void {
  const metadata = { ...object.metadata }
  object.metadata = metadata
  if (resource.scope === 'Namespaced') {
    if (metadata.namespace && metadata.namespace !== namespace) {
      throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`)
    }
    metadata.namespace = namespace
  } else delete metadata.namespace
  if (metadata.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created')
  if (!metadata.name && metadata.generateName) {
    metadata.name = metadata.generateName.slice(0, GENERATED_BASE_LENGTH_MAX) + random.suffix(NAME_SUFFIX_LENGTH)
  }
  for (const field of ['resourceVersion', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'generation'] as const)
    delete metadata[field]
  metadata.uid = random.uuid()
  metadata.creationTimestamp = formatTime(clock.now())
  if (resource.generation) metadata.generation = 1
  if (resource.subresources.status && !resource.keepsStatusOnCreate) resetStatus(object, resource)
  const form = resource.storage ?? resource
  object.apiVersion = apiVersionOf(form)
  object.kind = form.kind
}

/** A new object has the status that its type has while nobody sets it: an empty one, or none. */
function resetStatus(object: KubernetesObject & { status?: unknown }, resource: ResourceDefinition): void {
  const { status } = resource.schema().properties ?? {}
  if (status?.always) object.status = zeroValue(status)
  else delete object.status
}

/** Whatever admission made of a new object, it is created where the request says, as what the server has named it. */
export function keepIdentity(object: KubernetesObject, given: ObjectMeta, resource: ResourceDefinition): void {
  const metadata = { ...object.metadata }
  if (resource.scope === 'Namespaced' && metadata.namespace !== undefined && metadata.namespace !== given.namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  for (const field of ['name', 'namespace', 'uid', 'creationTimestamp', 'generation'] as const) {
    if (given[field] === undefined) delete metadata[field]
    else (metadata as Record<string, unknown>)[field] = given[field]
  }
  for (const field of ['resourceVersion', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink'] as const)
    delete metadata[field]
  object.metadata = metadata
}

/** What a built-in kind's type always has is there, if empty; a kind's own rules say what may not be. Custom kinds have their schema for it. */
export function setZeroFields(object: KubernetesObject, resource: ResourceDefinition): void {
  if (resource.custom === undefined) fillRequired(object, resource.schema())
}

/** What the server alone decides stays as it was, whatever was sent; an empty uid or time means the same. */
export function keepSystemFields(object: KubernetesObject, old: KubernetesObject): void {
  const before = old.metadata!
  const metadata = { ...object.metadata }
  object.metadata = metadata
  metadata.name ||= before.name!
  if (before.namespace !== undefined) metadata.namespace ||= before.namespace
  metadata.uid ||= before.uid!
  for (const field of ['creationTimestamp', 'generation', 'selfLink'] as const) {
    if (before[field] === undefined) delete metadata[field]
    else (metadata as Record<string, unknown>)[field] = before[field]
  }
  // Who says otherwise than before manages these, and is refused.
  if (before.deletionTimestamp !== undefined) metadata.deletionTimestamp ??= before.deletionTimestamp
  if (before.deletionGracePeriodSeconds !== undefined) metadata.deletionGracePeriodSeconds ??= before.deletionGracePeriodSeconds
}

/** The same of what admission has made of an object. What is on its way out is, since when it is. */
export function settleSystemFields(object: KubernetesObject, old: KubernetesObject): void {
  keepSystemFields(object, old)
  const { deletionTimestamp } = old.metadata!
  if (deletionTimestamp !== undefined) object.metadata!.deletionTimestamp = deletionTimestamp
}

/** A write to the object leaves its status alone, a write to its status everything else. */
export function isolateSubresource(
  resource: ResourceDefinition,
  object: KubernetesObject,
  old: KubernetesObject,
  subresource: string,
): void {
  const draft = object as unknown as Record<string, unknown>
  const before = old as unknown as Record<string, unknown>
  // Of a custom kind a write to the status takes nothing but the status.
  if (subresource === 'status' && resource.custom !== undefined) {
    const { managedFields } = object.metadata ?? {}
    const { managedFields: _, ...metadata } = deepClone(old.metadata ?? {})
    object.metadata = { ...metadata, ...(managedFields && { managedFields }) }
  }
  if (subresource === 'status') {
    for (const key of new Set([...Object.keys(draft), ...Object.keys(before)])) {
      if (['metadata', 'status', 'kind', 'apiVersion'].includes(key)) continue
      if (before[key] === undefined) delete draft[key]
      // What prepares an update of the status changes nothing else; a custom kind's object is still converted.
      else draft[key] = resource.custom === undefined ? before[key] : deepClone(before[key])
    }
  } else if (subresource === '' && resource.subresources.status) {
    if (before['status'] === undefined) delete draft['status']
    else draft['status'] = deepClone(before['status'])
  }
}

export function bumpGeneration(resource: ResourceDefinition, object: KubernetesObject, old: KubernetesObject): void {
  if (!resource.generation) return
  const contentOf = ({ metadata: _m, kind: _k, apiVersion: _a, ...rest }: KubernetesObject): unknown => ({
    ...rest,
    // A custom kind without the subresource has a status that is a field like any other.
    ...((resource.subresources.status || resource.custom === undefined) && { status: undefined }),
  })
  if (!deepEqual(contentOf(object), contentOf(old))) object.metadata!.generation = (old.metadata?.generation ?? 0) + 1
}
