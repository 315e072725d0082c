import { setOwn } from '#base'
import { goValue } from './go-value.ts'
import { isObject } from './merge-patch.ts'
import { deref, type Schema } from './schema.ts'
import { checkOrder, elementsOf, inOrder, type Json, mergeKeyOf, StrategicPatchError } from './strategic-lists.ts'

/**
 * Strategic merge patch
 * (https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/): a merge patch that knows from the schema
 * which lists are sets and which are keyed. The target is left as it is; what the patch does not touch is shared.
 * Throws a {@link StrategicPatchError} when the patch makes no sense.
 */
export function applyStrategicMergePatch(target: unknown, patch: unknown, schema: Schema | undefined): unknown {
  return mergeMap(isObject(target) ? target : {}, isObject(patch) ? patch : {}, schema)
}

export { StrategicPatchError } from './strategic-lists.ts'

const DIRECTIVE = '$patch'
const RETAIN_KEYS = '$retainKeys'
const DELETE_FROM_LIST = '$deleteFromPrimitiveList/'
const SET_ORDER = '$setElementOrder/'

function mergeMap(target: Json, patch: Json, schema: Schema | undefined): Json {
  if (Object.hasOwn(patch, DIRECTIVE)) return directed(patch)
  const result = retained(target, patch)
  const ordered = new Set<string>()
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(SET_ORDER)) continue
    const list = key.slice(SET_ORDER.length)
    if (putInOrder(result, patch, list, order, propertyOf(schema, list))) ordered.add(list)
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key === RETAIN_KEYS || key.startsWith(SET_ORDER) || ordered.has(key)) continue
    const isDeletion = key.startsWith(DELETE_FROM_LIST)
    const name = isDeletion ? key.slice(DELETE_FROM_LIST.length) : key
    if (value === null) delete result[name]
    else if (isAlike(own(result, name), value))
      setOwn(result, name, mergeValue(result[name], value, propertyOf(schema, name), isDeletion))
    else if (!isDeletion) take(result, name, value)
  }
  return result
}

/** A directive decides about a whole map. */
function directed(patch: Json): Json {
  const { [DIRECTIVE]: directive, ...rest } = patch
  if (directive === 'replace') return rest
  if (directive === 'delete') return {}
  throw badDirective(patch)
}

/** Takes over what the target has nothing like: without nulls, and without maps that have a directive. */
function take(result: Json, name: string, value: unknown): void {
  const taken = bare(value, false)
  if (taken === undefined) delete result[name]
  else setOwn(result, name, taken)
}

/** A value without maps that have a directive, which are undefined, and unless `keepsNulls` without the nulls of maps. */
function bare(value: unknown, keepsNulls: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => bare(item, keepsNulls)).filter((item) => item !== undefined)
  if (!isObject(value)) return value
  if (Object.hasOwn(value, DIRECTIVE)) return undefined
  const result: Json = {}
  for (const [key, child] of Object.entries(value)) {
    const kept = child === null && !keepsNulls ? undefined : bare(child, keepsNulls)
    if (kept !== undefined) setOwn(result, key, kept)
  }
  return result
}

function isAlike(current: unknown, value: unknown): boolean {
  const kindOf = (each: unknown): string => (Array.isArray(each) ? 'list' : isObject(each) ? 'map' : typeof each)
  return current !== undefined && current !== null && kindOf(current) === kindOf(value)
}

function mergeValue(current: unknown, value: unknown, property: Schema | undefined, isDeletion: boolean): unknown {
  const strategies = property?.patchStrategy?.split(',') ?? []
  if (isObject(value)) return strategies.includes('replace') ? value : mergeMap(current as Json, value, property)
  if (!Array.isArray(value) || !(strategies.includes('merge') || isDeletion)) return value
  return mergeList(current as unknown[], value, property, isDeletion)
}

function mergeList(current: unknown[], patch: unknown[], property: Schema | undefined, isDeletion: boolean): unknown[] {
  if (current.length === 0 && patch.length === 0) return current
  const mergeKey = property?.patchMergeKey
  if (elementsOf(current, patch) !== 'map') {
    if (isDeletion) return current.filter((item) => !patch.includes(item))
    return inOrder([...new Set([...current, ...patch])], patch, current, mergeKey)
  }
  if (mergeKey === undefined) throw new StrategicPatchError(`cannot merge lists without merge key for ${typeNameOf(property)}`)
  const [kept, brought] = followDirectives(current as Json[], patch as Json[], mergeKey)
  return inOrder(mergeKeyed(kept, brought, mergeKey, itemsOf(property)), brought, kept, mergeKey)
}

/** What stays of a list, and what of the patch is to be merged into it: one `replace` makes the whole list new. */
function followDirectives(
  current: readonly Json[],
  patch: readonly Json[],
  mergeKey: string,
): [kept: readonly Json[], brought: readonly Json[]] {
  let kept = current
  let isReplaced = false
  for (const item of patch) {
    if (!Object.hasOwn(item, DIRECTIVE)) continue
    const directive = item[DIRECTIVE]
    if (directive === 'replace') isReplaced = true
    else if (directive === 'merge') throw new StrategicPatchError('merging lists cannot yet be specified in the patch')
    else if (directive !== 'delete') throw badDirective(item)
    else {
      const key = mergeKeyOf(item, mergeKey)
      kept = kept.filter((existing) => own(existing, mergeKey) !== key)
    }
  }
  const brought = patch.filter((item) => !Object.hasOwn(item, DIRECTIVE))
  return isReplaced ? [brought, []] : [kept, brought]
}

function mergeKeyed(current: readonly Json[], patch: readonly Json[], mergeKey: string, schema: Schema | undefined): Json[] {
  const result = [...current]
  for (const item of patch) {
    const key = mergeKeyOf(item, mergeKey)
    const at = result.findIndex((existing) => own(existing, mergeKey) === key)
    if (at === -1) result.push(item)
    else result[at] = mergeMap(result[at]!, item, schema)
  }
  return result
}

/** Merges a list for which the patch has an order, if there is one; whether there was. */
function putInOrder(result: Json, patch: Json, name: string, order: unknown, property: Schema | undefined): boolean {
  const [current, brought] = [own(result, name), own(patch, name)]
  for (const list of [order, ...(Object.hasOwn(result, name) ? [current] : []), ...(Object.hasOwn(patch, name) ? [brought] : [])])
    if (!Array.isArray(list)) throw new StrategicPatchError(`expected a []interface {}, but received a ${goTypeOf(list)}`)
  const [had, wanted, places] = [current as unknown[] | undefined, brought as unknown[] | undefined, order as unknown[]]
  const mergeKey = property?.patchMergeKey
  checkOrder(wanted ?? [], places, mergeKey)
  if (had === undefined && wanted === undefined) return false
  let merged = had ?? (bare(wanted, true) as unknown[])
  if (had !== undefined && wanted !== undefined) merged = mergeValue(had, wanted, property, false) as unknown[]
  elementsOf(had ?? [], wanted ?? [])
  setOwn(result, name, inOrder(merged, places, standing(had ?? [], wanted ?? [], mergeKey), mergeKey))
  return true
}

/** Where items stood before they are put in order: what is new stands in the places of what the patch deletes, behind the others, as far as these go. */
function standing(had: readonly unknown[], wanted: readonly unknown[], mergeKey: string | undefined): readonly unknown[] {
  const isDeletion = (item: unknown): item is Json => isObject(item) && item[DIRECTIVE] === 'delete'
  if (mergeKey === undefined || !wanted.some(isDeletion)) return had
  const keyOf = (item: unknown): unknown => own(item as Json, mergeKey)
  const deleted = new Set(wanted.filter(isDeletion).map(keyOf))
  const kept = had.filter((item) => !deleted.has(keyOf(item)))
  const known = new Set(kept.map(keyOf))
  const added = wanted.filter((item) => !isDeletion(item) && !known.has(keyOf(item)))
  return [...kept, ...added.slice(0, had.length - kept.length)]
}

const goTypeOf = (value: unknown): string =>
  value === null
    ? '%!s(<nil>)'
    : isObject(value)
      ? 'map[string]interface {}'
      : typeof value === 'boolean'
        ? 'bool'
        : typeof value === 'string'
          ? 'string'
          : 'float64'

const badDirective = (patch: Json): StrategicPatchError => {
  const directive = patch[DIRECTIVE]
  const shown = typeof directive === 'string' ? directive : `%!s(${goTypeOf(directive)}=${goValue(directive)})`
  return new StrategicPatchError(`unknown patch type: ${shown} in map: ${goValue(patch)}`)
}

function retained(target: Json, patch: Json): Json {
  if (!Object.hasOwn(patch, RETAIN_KEYS)) return { ...target }
  const keys = patch[RETAIN_KEYS]
  const mayStand = (key: string): boolean =>
    key === RETAIN_KEYS || key.startsWith(DELETE_FROM_LIST) || key.startsWith(SET_ORDER) || patch[key] === null
  if (!Array.isArray(keys) || !Object.keys(patch).every((key) => mayStand(key) || keys.includes(key)))
    throw new StrategicPatchError('invalid patch format of retainKeys')
  const result: Json = {}
  for (const key of Object.keys(target)) if (keys.includes(key)) setOwn(result, key, target[key])
  return result
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

const typeNameOf = (property: Schema | undefined): string =>
  deref(itemsOf(property) ?? {})
    .name?.split('.')
    .at(-1) ?? ''
