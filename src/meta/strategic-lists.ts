import { goValue } from './go-value.ts'
import { isObject } from './merge-patch.ts'

export type Json = Record<string, unknown>

/** A patch whose directives can't be followed; in upstream's words. */
export class StrategicPatchError extends Error {
  override readonly name = 'StrategicPatchError'
  /** The patch is well-formed, but asks for what can't be done (422). */
  readonly contradictory: boolean

  constructor(message: string, contradictory = false) {
    super(message)
    this.contradictory = contradictory
  }
}

/** What two lists that are to become one hold, which must be the same throughout, and no lists. */
export function elementsOf(...lists: readonly (readonly unknown[])[]): string {
  let kind: string | undefined
  for (const item of lists.flat()) {
    const own = Array.isArray(item) ? 'list' : isObject(item) ? 'map' : typeof item
    if (own === 'list' && kind === undefined) throw new StrategicPatchError('lists of lists are not supported', true)
    if (kind !== undefined && own !== kind)
      throw new StrategicPatchError(`list element types are not identical: ${goValue(lists)}`)
    kind = own
  }
  if (kind === undefined) throw new StrategicPatchError('no elements in any of the given slices')
  return kind
}

/**
 * An order must name what the patch brings, in the same order. Items with a directive are passed over only as long as the order lasts, but for deletions, which
 * count nowhere.
 */
export function checkOrder(list: readonly unknown[], order: readonly unknown[], mergeKey: string | undefined): void {
  if (list.length === 0 || order.length === 0) return
  const directiveOf = (item: unknown): unknown => (isObject(item) && Object.hasOwn(item, '$patch') ? item['$patch'] : undefined)
  const brought = mergeKey === undefined ? list : list.filter((item) => directiveOf(asMap(item)) !== 'delete')
  const keyOf = (item: unknown): unknown => (mergeKey === undefined ? item : mergeKeyOf(asMap(item), mergeKey))
  let [found, passed] = [0, 0]
  while (found < brought.length && passed < order.length)
    if (directiveOf(brought[found]) !== undefined) found++
    else if (keyOf(brought[found]) === keyOf(order[passed++])) found++
  if (found < brought.length)
    throw new StrategicPatchError(
      `The order in patch list:\n${goValue(list)}\n doesn't match $setElementOrder list:\n${goValue(order)}\n`,
    )
}

function asMap(item: unknown): Json {
  if (isObject(item)) return item
  const type =
    typeof item === 'string' ? 'string' : typeof item === 'boolean' ? 'bool' : Array.isArray(item) ? '[]interface {}' : 'float64'
  throw new StrategicPatchError(`expected a map[string]interface {}, but received a ${type}`)
}

export function mergeKeyOf(item: Json, mergeKey: string): unknown {
  if (Object.hasOwn(item, mergeKey)) return item[mergeKey]
  throw new StrategicPatchError(`map: ${goValue(item)} does not contain declared merge key: ${mergeKey}`)
}

/**
 * Items named by `order` in that order; the others, which the client does not know of, in the order in which they stood. An item of theirs comes first only where
 * it stood before the next of ours: what is new comes before it.
 *
 *     had [a, x, b], order [b, a]  →  [x, b, a]
 *     had [a], order [b]           →  [b, a]
 */
export function inOrder(
  items: readonly unknown[],
  order: readonly unknown[],
  had: readonly unknown[],
  mergeKey: string | undefined,
): unknown[] {
  const keyOf =
    mergeKey === undefined ? (item: unknown): unknown => item : (item: unknown): unknown => mergeKeyOf(asMap(item), mergeKey)
  const placesIn = (list: readonly unknown[]): Map<unknown, number> => {
    const places = new Map<unknown, number>()
    for (const [index, item] of list.entries()) if (!places.has(keyOf(item))) places.set(keyOf(item), index)
    return places
  }
  const [wanted, before] = [placesIn(order), placesIn(had)]
  const sorted = (list: readonly unknown[], places: Map<unknown, number>): unknown[] =>
    [...list].sort((a, b) => places.get(keyOf(a))! - places.get(keyOf(b))!)
  const ours = sorted(
    items.filter((item) => wanted.has(keyOf(item))),
    wanted,
  )
  const theirs = sorted(
    items.filter((item) => !wanted.has(keyOf(item))),
    before,
  )
  const result: unknown[] = []
  while (ours.length > 0 && theirs.length > 0) {
    const [own, other] = [before.get(keyOf(ours[0])), before.get(keyOf(theirs[0]))]
    const isOtherFirst = own !== undefined && other !== undefined && other < own
    result.push(isOtherFirst ? theirs.shift() : ours.shift())
  }
  return [...result, ...ours, ...theirs]
}
