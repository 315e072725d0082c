import type { ResourceDefinition } from '#api'
import { deepClone } from '#base'
import { apiVersionOf, conform, type KubernetesObject, StructureError } from '#meta'
import { replaceContent } from './attributes.ts'
import type { Attributes } from './types.ts'

/** The object in the version of `matched`; the body of a subresource is what it is. */
export function shownAs(
  matched: ResourceDefinition,
  { kind, resource }: Attributes,
  object: KubernetesObject | undefined,
): KubernetesObject | undefined {
  if (object === undefined || !isOwnKind(kind, resource)) return object
  const shown = matched.storage?.fromStored(object) ?? object
  return { ...shown, apiVersion: apiVersionOf(matched), kind: matched.kind }
}

/**
 * Makes `document`, an object in the version of `matched` as somebody outside sent it back, the draft: unknown fields go, defaults come, and the owners of fields
 * stay as they were when what it says of them is not valid. Throws a StructureError for what is no such object.
 */
export function takeBack(matched: ResourceDefinition, attributes: Attributes, document: unknown): void {
  const { kind, resource, object } = attributes
  if (object === undefined) return
  if (!isOwnKind(kind, resource)) {
    if (typeof document !== 'object' || document === null) throw new StructureError('the patched document is no object')
    replaceContent(object, document as KubernetesObject)
    return
  }
  const { value } = conform(document, matched.schema())
  const read = value as KubernetesObject
  read.apiVersion = apiVersionOf(matched)
  read.kind = matched.kind
  const stored = deepClone(matched.storage?.toStored(read) ?? read)
  // The stored form names its own kind, whatever version was patched.
  stored.apiVersion = object.apiVersion!
  stored.kind = object.kind!
  const managedFields = object.metadata?.managedFields
  if (!areManagedFields(stored.metadata?.managedFields)) {
    const { managedFields: _, ...metadata } = stored.metadata ?? {}
    stored.metadata = managedFields === undefined ? metadata : { ...metadata, managedFields }
  }
  replaceContent(object, stored)
  resource.default(object)
}

const isOwnKind = (kind: Attributes['kind'], resource: ResourceDefinition): boolean =>
  kind.kind === resource.kind && kind.group === resource.group

function areManagedFields(entries: NonNullable<KubernetesObject['metadata']>['managedFields']): boolean {
  return (entries ?? []).every(
    ({ operation, apiVersion, fieldsType, fieldsV1 }) =>
      (operation === 'Apply' || operation === 'Update') &&
      Boolean(apiVersion) &&
      fieldsType === 'FieldsV1' &&
      typeof fieldsV1 === 'object',
  )
}
