import type { ResourceDefinition } from '#api'
import { deepClone } from '#base'
import { apiVersionOf, conform, internalError, isObject, type KubernetesObject, parseApiVersion, StructureError } from '#meta'
import type { ResourceCatalog } from '../catalog.ts'
import { replaceContent } from './attributes.ts'
import type { Attributes } from './types.ts'

/** The object in the version of `matched`; the body of a subresource is what it is. Rejects where a webhook has to convert it and does not. */
export async function shownAs(
  matched: ResourceDefinition,
  { kind, resource }: Attributes,
  object: KubernetesObject | undefined,
): Promise<KubernetesObject | undefined> {
  if (object === undefined || !isOwnKind(kind, resource)) return object
  const shown = await converted(object, resource, matched)
  return { ...shown, apiVersion: apiVersionOf(matched), kind: matched.kind }
}

/**
 * Makes `document`, an object in the version of `matched` as somebody outside sent it back, the draft: unknown fields go, defaults come, and the owners of fields
 * stay as they were when what it says of them is not valid. Rejects with a StructureError for what is no such object, or, where that is strict, says more than one.
 */
export async function takeBack(
  matched: ResourceDefinition,
  attributes: Attributes,
  document: unknown,
  { isStrict = false }: { readonly isStrict?: boolean } = {},
): Promise<void> {
  const { kind, resource, object } = attributes
  if (object === undefined) return
  if (!isOwnKind(kind, resource)) {
    if (typeof document !== 'object' || document === null) throw new StructureError('the patched document is no object')
    replaceContent(object, document as KubernetesObject)
    return
  }
  const { value, unknown } = conform(document, matched.schema())
  if (isStrict && unknown.length > 0)
    throw new StructureError(`strict decoding error: ${unknown.map((path) => `unknown field "${path}"`).join(', ')}`)
  const read = value as KubernetesObject
  read.apiVersion = apiVersionOf(matched)
  read.kind = matched.kind
  const own = deepClone(
    matched.custom === undefined ? (matched.storage?.toStored(read) ?? read) : await converted(read, matched, resource),
  )
  // The draft names its own kind, whatever version was patched.
  own.apiVersion = object.apiVersion!
  own.kind = object.kind!
  const managedFields = object.metadata?.managedFields
  if (!areManagedFields(own.metadata?.managedFields)) {
    const { managedFields: _, ...metadata } = own.metadata ?? {}
    own.metadata = managedFields === undefined ? metadata : { ...metadata, managedFields }
  }
  replaceContent(object, own)
  resource.default(object)
}

/** Drafts of built-in kinds are in their stored form, those of custom kinds in the version of the request. */
async function converted(object: KubernetesObject, from: ResourceDefinition, to: ResourceDefinition): Promise<KubernetesObject> {
  if (from.custom === undefined || to.custom === undefined) return to.storage?.fromStored(object) ?? object
  if (from === to) return object
  const [shown] = await to.custom.show([await from.custom.toStored(deepClone(object))])
  return shown!
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

/** Throws 500 unless a patched document is still of the kind that it was; what does not name its kind keeps it. */
export function requireKind(
  patched: unknown,
  shown: KubernetesObject,
  { version }: ResourceDefinition,
  catalog: ResourceCatalog,
): void {
  const { apiVersion = shown.apiVersion!, kind = shown.kind! } = isObject(patched) ? (patched as Partial<KubernetesObject>) : {}
  if (apiVersion === shown.apiVersion && kind === shown.kind) return
  const named = parseApiVersion(apiVersion)
  if (catalog.findKind(apiVersion, kind) === undefined)
    throw internalError(
      `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/api/legacyscheme/scheme.go:30"`,
    )
  throw internalError(
    `failed to convert object: converting (${named.version}.${kind}) to (${version}.${shown.kind}): unknown conversion`,
  )
}
