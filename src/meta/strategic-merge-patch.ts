import { deepEqual, setOwn } from '#base'
import { goValue } from './go-value.ts'
import { isObject } from './merge-patch.ts'
import { deref, type Schema } from './schema.ts'

/**
 * Strategic merge patch
 * (https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/): a merge patch that knows from the schema
 * which lists are sets and which are keyed. The target is left as it is; what the patch does not touch is shared.
 * Throws a {@link StrategicPatchError} when the patch makes no sense.
 */
export function applyStrategicMergePatch(target: unknown, patch: unknown, schema: Schema | undefined): unknown {
  return mergeMap(isObject(target) ? target : {}, isObject(patch) ? patch : {}, schema)
}

/** A patch whose directives can't be followed; in upstream's words. */
export class StrategicPatchError extends Error {
  override readonly name = 'StrategicPatchError'
  /** The patch is well-formed, but contradicts itself (422). */
  readonly contradictory: boolean

  constructor(message: string, contradictory = false) {
    super(message)
    this.contradictory = contradictory
  }
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
  if (directive !== undefined) throw badDirective(patch)
  const result = retained(target, patch)
  for (const [key, value] of Object.entries(patch)) {
    if (key === DIRECTIVE || key === RETAIN_KEYS || key.startsWith(SET_ORDER)) continue
    if (key.startsWith(DELETE_FROM_LIST)) deleteFromList(result, key.slice(DELETE_FROM_LIST.length), value)
    else if (value === null) delete result[key]
    else setOwn(result, key, mergeValue(own(result, key), value, propertyOf(schema, key), own(patch, SET_ORDER + key)))
  }
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(SET_ORDER)) continue
    const list = key.slice(SET_ORDER.length)
    const property = propertyOf(schema, list)
    if (!Array.isArray(order)) throw new StrategicPatchError('invalid patch format of setElementOrder list')
    checkOrder(own(patch, list), order, property?.patchMergeKey)
    if (Object.hasOwn(patch, list) || !Array.isArray(own(result, list))) continue
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
  // What the patch names comes in the patch's order, also where it gives none.
  return inOrder(merged, list, Array.isArray(order) ? order : value, property?.patchMergeKey)
}

const badDirective = (patch: Json): StrategicPatchError =>
  new StrategicPatchError(`unknown patch type: ${goValue(patch[DIRECTIVE])} in map: ${goValue(patch)}`)

/** An order must name what the patch brings, in the same order. */
function checkOrder(list: unknown, order: readonly unknown[], mergeKey: string | undefined): void {
  if (!Array.isArray(list)) return
  const keyOf = (item: unknown): unknown => (mergeKey !== undefined && isObject(item) ? own(item, mergeKey) : item)
  const brought = list.filter((item) => !isObject(item) || item[DIRECTIVE] === undefined)
  let found = 0
  for (const item of order) if (found < brought.length && deepEqual(keyOf(item), keyOf(brought[found]))) found++
  if (found === brought.length) return
  throw new StrategicPatchError(
    `The order in patch list:\n${goValue(list)}\n doesn't match ${SET_ORDER.slice(0, -1)} list:\n${goValue(order)}\n`,
  )
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
  const items = patch.map((item) => {
    if (isObject(item)) return item
    throw new StrategicPatchError('merging lists with elements of different types is not supported')
  })
  // One such element makes the whole list new.
  let result: unknown[] = items.some((item) => item[DIRECTIVE] === 'replace') ? [] : [...current]
  for (const item of items) {
    const directive = item[DIRECTIVE]
    if (directive === undefined || directive === 'replace') continue
    if (directive === 'merge') throw new StrategicPatchError('merging lists cannot yet be specified in the patch')
    if (directive !== 'delete') throw badDirective(item)
    const key = mergeKeyOf(item, mergeKey)
    result = result.filter((existing) => !isObject(existing) || !deepEqual(own(existing, mergeKey), key))
  }
  for (const item of items) {
    if (item[DIRECTIVE] !== undefined) continue
    const key = mergeKeyOf(item, mergeKey)
    const at = result.findIndex((existing) => isObject(existing) && deepEqual(own(existing, mergeKey), key))
    const merged = mergeMap(at === -1 ? {} : (result[at] as Json), item, schema)
    if (at === -1) result.push(merged)
    else result[at] = merged
  }
  return result
}

function mergeKeyOf(item: Json, mergeKey: string): unknown {
  const key = own(item, mergeKey)
  if (key === undefined) throw new StrategicPatchError(`map: ${goValue(item)} does not contain declared merge key: ${mergeKey}`)
  return key
}

/**
 * Items named by `order` in that order; the others (which the client does not know of) stay where they stood among them, before what is new.
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
    const foreignFirst = before === -1 || place(had, foreign[0]) < before
    result.push(foreignFirst ? foreign.shift() : known.shift())
  }
  return [...result, ...known, ...foreign]
}

function retained(target: Json, patch: Json): Json {
  const keys = patch[RETAIN_KEYS]
  if (keys !== undefined && !Array.isArray(keys)) throw new StrategicPatchError('invalid patch format of retainKeys')
  const kept = (key: string): boolean => key.startsWith('$') || patch[key] === null || keys === undefined || keys.includes(key)
  if (!Object.keys(patch).every(kept)) throw new StrategicPatchError("patch content doesn't match retainKeys list", true)
  const result: Json = {}
  for (const key of Object.keys(target)) if (!Array.isArray(keys) || keys.includes(key)) setOwn(result, key, target[key])
  return result
}

function deleteFromList(result: Json, key: string, values: unknown): void {
  const list = own(result, key)
  if (!Array.isArray(values)) throw new StrategicPatchError('invalid patch format of primitive list')
  if (Array.isArray(list))
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
