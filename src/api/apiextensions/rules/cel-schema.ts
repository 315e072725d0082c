import type { CelSchema } from '#cel'
import { additionalOf, isEmbedded, type Structural } from '../schema/structural.ts'

const known = new WeakMap<Structural, CelSchema>()

/** A node as expressions see it; the same one for the same node. */
export function celSchema(node: Structural): CelSchema {
  let schema = known.get(node)
  if (schema === undefined) known.set(node, (schema = made(node)))
  return schema
}

function made(node: Structural): CelSchema {
  const { type, format, properties, required, items, nullable, maxLength, maxItems, maxProperties } = node
  const additional = additionalOf(node)
  const own = properties && Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, celSchema(each)]))
  const listType = node['x-kubernetes-list-type']
  const keys = node['x-kubernetes-list-map-keys']
  return {
    ...(type && { type: type as NonNullable<CelSchema['type']> }),
    ...(format !== undefined && { format }),
    ...(own && { properties: own }),
    ...(required && { required }),
    ...(items && { items: celSchema(items) }),
    ...(additional && { additionalProperties: celSchema(additional) }),
    ...(node.enum && { enum: node.enum }),
    ...(node.default !== undefined && { default: node.default }),
    ...(listType !== undefined && { listType: listType as NonNullable<CelSchema['listType']> }),
    ...(keys && { listMapKeys: keys }),
    ...(node['x-kubernetes-int-or-string'] && { intOrString: true }),
    ...(node['x-kubernetes-preserve-unknown-fields'] && { preserveUnknownFields: true }),
    ...(isEmbedded(node) && { embeddedResource: true }),
    ...(nullable && { nullable }),
    ...(maxLength !== undefined && { maxLength }),
    ...(maxItems !== undefined && { maxItems }),
    ...(maxProperties !== undefined && { maxProperties }),
  }
}
