import { deref, type Schema } from '../schema.ts'

/**
 * Go's zero value of a type as JSON shows it, made anew by each call: a struct with the fields that are always written, an empty list or map, `''`, `0`, `false`.
 * Undefined where that is null in JSON (open JSON, times), which reads as absent.
 */
export function zeroValue(schema: Schema): unknown {
  return zeroMaker(schema)()
}

/** {@link zeroValue} of a type that is asked for often. */
export function zeroMaker(schema: Schema): () => unknown {
  const node = deref(schema)
  if (node.name === QUANTITY) return () => '0'
  if (node.intOrString) return () => 0
  if (node.preserveUnknownFields && node.properties === undefined) return () => undefined
  switch (node.type) {
    case 'object':
      return structMaker(node)
    case 'array':
      return () => []
    case 'string':
      return node.name === undefined ? () => '' : () => undefined
    case 'boolean':
      return () => false
    case 'integer':
    case 'number':
      return () => 0
    default:
      return () => undefined
  }
}

export const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity'

/** A field that Go writes whatever it holds. */
export interface AlwaysThere {
  readonly name: string
  /** Its zero value. */
  readonly make: () => unknown
}

const known = new WeakMap<Schema, readonly AlwaysThere[]>()

/** Fields of a struct that are there even while nobody has set them. */
export function alwaysThere(node: Schema): readonly AlwaysThere[] {
  let fields = known.get(node)
  if (fields === undefined) {
    fields = Object.entries(node.properties ?? {})
      .filter(([, property]) => property.always)
      .map(([name, property]) => ({ name, make: zeroMaker(property) }))
    known.set(node, fields)
  }
  return fields
}

function structMaker(node: Schema): () => Record<string, unknown> {
  return () => {
    const struct: Record<string, unknown> = {}
    for (const { name, make } of alwaysThere(node)) struct[name] = make()
    return struct
  }
}
