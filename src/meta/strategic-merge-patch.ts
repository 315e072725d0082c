import { deepEqual, setOwn } from '#base'
import { isObject } from './merge-patch.ts'
import { deref, type Schema } from './schema.ts'

/**
 * Strategic merge patch
 * (https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/): a merge patch that knows from the schema
 * which lists are sets and which are keyed. The target is left as it is; what the patch does not touch is shared.
 * Throws an Error with a sentence when the patch makes no sense for the schema.
 */
export function applyStrategicMergePatch(target: unknown, patch: unknown, schema: Schema | undefined): unknown {
  return mergeMap(isObject(target) ? target : {}, isObject(patch) ? patch : {}, schema)
}

type Json = Record<string, unknown>

const DIRECTIVE = '$patch'
const RETAIN_KEYS = '$retainKeys'
const DELETE_FROM_LIST = '$deleteFromPrimitiveList/'
const SET_ORDER = '$setElementOrder/'

function mergeMap(target: Json, patch: Json, schema: Schema | undefined): Json {
  const directive = patch[DIRECTIVE]
  if (directive === 'replace') return mergeMap({}, without(patch, DIRECTIVE), schema)
  if (directive === 'delete') return {}
  if (directive !== undefined && directive !== 'merge') throw new Error(`invalid value for ${DIRECTIVE}: ${String(directive)}`)
  const result = retained(target, patch)
  for (const [key, value] of Object.entries(patch)) {
    if (key === DIRECTIVE || key === RETAIN_KEYS || key.startsWith(SET_ORDER)) continue
    if (key.startsWith(DELETE_FROM_LIST)) deleteFromList(result, key.slice(DELETE_FROM_LIST.length), value)
    else if (value === null) delete result[key]
    else setOwn(result, key, mergeValue(own(result, key), value, propertyOf(schema, key), own(patch, SET_ORDER + key)))
  }
  for (const [key, order] of Object.entries(patch)) {
    const list = key.startsWith(SET_ORDER) ? key.slice(SET_ORDER.length) : undefined
    if (list === undefined || Object.hasOwn(patch, list) || !Array.isArray(own(result, list)) || !Array.isArray(order)) continue
    const property = propertyOf(schema, list)
    setOwn(result, list, inOrder(result[list] as unknown[], result[list] as unknown[], order, property?.patchMergeKey))
  }
  return result
}

function mergeValue(current: unknown, value: unknown, property: Schema | undefined, order: unknown): unknown {
  const strategies = property?.patchStrategy?.split(',') ?? []
  if (isObject(value)) {
    const base = isObject(current) && !strategies.includes('replace') ? current : {}
    return mergeMap(base, value, property)
  }
  if (!Array.isArray(value)) return value
  if (!strategies.includes('merge')) return value.map((item) => (isObject(item) ? mergeMap({}, item, itemsOf(property)) : item))
  const list = Array.isArray(current) ? current : []
  const merged =
    property?.patchMergeKey === undefined
      ? mergeSet(list, value)
      : mergeKeyed(list, value, property.patchMergeKey, itemsOf(property))
  return Array.isArray(order) ? inOrder(merged, list, order, property?.patchMergeKey) : merged
}

function mergeSet(current: readonly unknown[], added: readonly unknown[]): unknown[] {
  const result = [...current]
  for (const value of added) if (!result.includes(value)) result.push(value)
  return result
}

function mergeKeyed(
  current: readonly unknown[],
  patch: readonly unknown[],
  mergeKey: string,
  schema: Schema | undefined,
): unknown[] {
  const replaces = patch.some((item) => isObject(item) && item[DIRECTIVE] === 'replace' && !Object.hasOwn(item, mergeKey))
  const result: unknown[] = replaces ? [] : [...current]
  for (const item of patch) {
    if (!isObject(item)) throw new Error('expected type map[string]interface{} in a list with a merge key')
    if (replaces && item[DIRECTIVE] === 'replace' && !Object.hasOwn(item, mergeKey)) continue
    const key = own(item, mergeKey)
    if (key === undefined) throw new Error(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`)
    const at = result.findIndex((existing) => isObject(existing) && deepEqual(own(existing, mergeKey), key))
    if (item[DIRECTIVE] === 'delete') {
      if (at !== -1) result.splice(at, 1)
      continue
    }
    const base = at === -1 || item[DIRECTIVE] === 'replace' ? {} : (result[at] as Json)
    const merged = mergeMap(base, without(item, DIRECTIVE), schema)
    if (at === -1) result.push(merged)
    else result[at] = merged
  }
  return result
}

/**
 * Items named by `order` in that order; the others (which the client does not know of) stay where they stood among them.
 *
 *     had [a, x, b], order [b, a]  →  [x, b, a]
 */
function inOrder(
  items: readonly unknown[],
  had: readonly unknown[],
  order: readonly unknown[],
  mergeKey: string | undefined,
): unknown[] {
  const keyOf = (item: unknown): unknown => (mergeKey !== undefined && isObject(item) ? own(item, mergeKey) : item)
  const place = (list: readonly unknown[], item: unknown): number => list.findIndex((each) => deepEqual(keyOf(each), keyOf(item)))
  const known = items.filter((item) => place(order, item) !== -1).sort((a, b) => place(order, a) - place(order, b))
  const foreign = items.filter((item) => place(order, item) === -1)
  const result: unknown[] = []
  while (known.length > 0 && foreign.length > 0) {
    const before = place(had, known[0])
    const foreignFirst = before !== -1 && place(had, foreign[0]) < before
    result.push(foreignFirst ? foreign.shift() : known.shift())
  }
  return [...result, ...known, ...foreign]
}

function retained(target: Json, patch: Json): Json {
  const keys = patch[RETAIN_KEYS]
  const result: Json = {}
  for (const key of Object.keys(target)) if (!Array.isArray(keys) || keys.includes(key)) setOwn(result, key, target[key])
  return result
}

function deleteFromList(result: Json, key: string, values: unknown): void {
  const list = own(result, key)
  if (Array.isArray(list) && Array.isArray(values))
    setOwn(
      result,
      key,
      list.filter((item) => !values.includes(item)),
    )
}

function without(object: Json, key: string): Json {
  const { [key]: _, ...rest } = object
  return rest
}

const own = (object: Json, key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined)

/** The schema of a property: list and patch keys stand on the property itself, structure behind its reference. */
function propertyOf(schema: Schema | undefined, key: string): Schema | undefined {
  if (schema === undefined) return undefined
  const target = deref(schema)
  return (
    (target.properties !== undefined && Object.hasOwn(target.properties, key) ? target.properties[key] : undefined) ??
    target.additionalProperties
  )
}

const itemsOf = (property: Schema | undefined): Schema | undefined => (property === undefined ? undefined : deref(property).items)
