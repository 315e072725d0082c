import { deref, isObject, mergeConfiguration, type Schema, storedTypeErrors, typeErrors } from '#meta'

/**
 * What applying a configuration makes of an object, by the schema, as server-side apply merges: objects and keyed lists by their parts, sets by their members. A list or
 * object that is atomic can't be changed in part, so naming one is refused. Throws an Error in upstream's words.
 */
export function mergeApplied(live: unknown, configuration: unknown, schema: Schema): unknown {
  const problem = typeErrors(configuration, schema)
  if (problem !== undefined) throw new Error(`failed to convert patch object to typed object: ${problem}`)
  const atomics = [...atomicsIn(configuration, schema, '')]
  if (atomics.length > 0)
    throw new Error(`invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomics.join(', ')}`)
  const stored = storedTypeErrors(live, schema)
  if (stored !== undefined) throw new Error(`failed to convert original object to typed object: ${stored}`)
  return mergeConfiguration(live, configuration, schema)
}

/** Paths of what is owned as one piece. */
function* atomicsIn(value: unknown, schema: Schema, path: string): Iterable<string> {
  const node = deref(schema)
  if (isObject(value)) {
    if ((schema.mapType ?? node.mapType) === 'atomic') yield path
    for (const name of Object.keys(value).sort()) {
      const inner = node.properties?.[name]
      if (inner !== undefined) yield* atomicsIn(value[name], inner, `${path}.${name}`)
    }
  } else if (Array.isArray(value)) {
    const listType = schema.listType ?? node.listType
    if (listType !== 'set' && listType !== 'map') yield path
    for (const [index, item] of value.entries()) if (node.items) yield* atomicsIn(item, node.items, `${path}[${index}]`)
  }
}
