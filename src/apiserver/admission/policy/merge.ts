import { deepEqual } from '#base'
import { deref, isObject, type Schema } from '#meta'

/**
 * What applying `patch` makes of `live`, by the schema, as server-side apply merges: objects and keyed lists by their parts, sets by their members. A list or object
 * that is atomic can't be changed in part, so naming one is refused with upstream's sentence.
 */
export function mergeApplied(live: unknown, patch: unknown, schema: Schema, path = ''): unknown {
  const node = deref(schema)
  if (isObject(patch)) {
    if (node.mapType === 'atomic') throw atomic(path)
    const result: Record<string, unknown> = isObject(live) ? { ...live } : {}
    for (const [key, value] of Object.entries(patch)) {
      const inner = node.properties?.[key] ?? node.additionalProperties ?? { preserveUnknownFields: true }
      result[key] = mergeApplied(result[key], value, inner, `${path}.${key}`)
    }
    return result
  }
  if (!Array.isArray(patch)) return patch
  const before = Array.isArray(live) ? (live as unknown[]) : []
  if (node.listType === 'set') return [...before, ...patch.filter((each) => !before.some((one) => deepEqual(one, each)))]
  if (node.listType === 'map') return mergeKeyed(before, patch, node, path)
  throw atomic(path)
}

function mergeKeyed(
  live: readonly unknown[],
  patch: readonly unknown[],
  { listMapKeys = [], items = {} }: Schema,
  path: string,
): unknown[] {
  const element = deref(items)
  const keyOf = (each: unknown): unknown[] =>
    listMapKeys.map((key) => (each as Record<string, unknown>)[key] ?? deref(element.properties?.[key] ?? {}).default)
  const result = [...live]
  for (const each of patch) {
    const at = result.findIndex((one) => deepEqual(keyOf(one), keyOf(each)))
    const place = `${path}[${JSON.stringify(keyOf(each))}]`
    if (at === -1) result.push(mergeApplied(undefined, each, items, place))
    else result[at] = mergeApplied(result[at], each, items, place)
  }
  return result
}

const atomic = (path: string): Error => new Error(`may not mutate atomic arrays, maps or structs: ${path}`)
