import type { Schema } from '#meta'
import { schemaOf } from '../../schemas.ts'
import { publishedSchema } from './published-schema.ts'
import { additionalOf, isEmbedded, type Structural } from './structural.ts'

const TEXT: Schema = { type: 'string' }
const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'

/** A custom kind's schema in the form that apply and OpenAPI read of any kind. */
export function apiSchema(
  schema: Structural,
  gvk: { readonly group: string; readonly version: string; readonly kind: string },
): Schema {
  const { group, version, kind } = gvk
  return {
    ...nodeOf(schema, true),
    name: [...group.split('.').reverse(), version, kind].join('.'),
    gvk: [[group, version, kind]],
    published: (openApi) => publishedSchema(schema, gvk, openApi),
  }
}

/** `isOpen`: a node above keeps fields that no schema names. Apply takes such fields everywhere below, though they are pruned again, as upstream does. */
function nodeOf(node: Structural, isResource: boolean, isOpen = false): Schema {
  const { type, format, description, properties, items, required, nullable } = node
  const additional = additionalOf(node)
  const listType = node['x-kubernetes-list-type'] as Schema['listType']
  const keeps = isOpen || node['x-kubernetes-preserve-unknown-fields'] === true
  const below = (each: Structural): Schema => nodeOf(each, isEmbedded(each), keeps)
  const own = Object.entries(properties ?? {}).map(([name, each]): [string, Schema] => [name, below(each)])
  const hasProperties = own.length > 0 || isResource
  return {
    ...(type !== undefined && { type: type as NonNullable<Schema['type']> }),
    ...(format !== undefined && { format }),
    ...(description !== undefined && { description }),
    ...(hasProperties && { properties: { ...Object.fromEntries(own), ...(isResource && resourceProperties()) } }),
    ...(items !== undefined && { items: below(items) }),
    ...(additional !== undefined && { additionalProperties: below(additional) }),
    ...(required !== undefined && { required }),
    ...(node.default !== undefined && { default: node.default }),
    ...(listType !== undefined && { listType }),
    ...(node['x-kubernetes-list-map-keys'] !== undefined && { listMapKeys: node['x-kubernetes-list-map-keys'] }),
    ...(node['x-kubernetes-map-type'] !== undefined && {
      mapType: node['x-kubernetes-map-type'] as NonNullable<Schema['mapType']>,
    }),
    ...(node['x-kubernetes-int-or-string'] && { intOrString: true }),
    ...((keeps || node.additionalProperties === true) && { preserveUnknownFields: true }),
    ...(isEmbedded(node) && { embeddedResource: true }),
    ...(nullable && { nullable }),
  }
}

const resourceProperties = (): Record<string, Schema> => ({
  apiVersion: TEXT,
  kind: TEXT,
  metadata: { ref: schemaOf(OBJECT_META) },
})
