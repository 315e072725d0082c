import { setOwn } from '#base'
import { isObject } from '../merge-patch.ts'
import type { Schema } from '../schema.ts'
import { type FieldSet, isMember } from './field-set.ts'
import { fieldElement, fieldSchema, isNamedField, itemElement, type Shape, shapeOf } from './shape.ts'

/** The live value with what the configuration says of it. What neither changes is shared; the order of lists is the configuration's. */
export function mergeConfiguration(live: unknown, configuration: unknown, schema: Schema | undefined): unknown {
  if (configuration === undefined) return live
  const shape = shapeOf(schema, configuration)
  if (shape.kind === 'leaf' || configuration === null || live === undefined || live === null) return configuration
  if (shape.kind === 'map') return mergeFields(live, configuration, shape.node)
  return mergeItems(live, configuration, shape)
}

function mergeFields(live: unknown, configuration: unknown, node: Schema | undefined): unknown {
  if (!isObject(live) || !isObject(configuration)) return configuration
  const result: Record<string, unknown> = { ...live }
  for (const name of Object.keys(configuration)) {
    const own = Object.hasOwn(live, name) ? live[name] : undefined
    setOwn(result, name, mergeConfiguration(own, configuration[name], fieldSchema(node, name)))
  }
  return result
}

/**
 * Items of the configuration in its order; an item that only the live list has comes before the next one that both have.
 *
 *     live [a, x, b], configuration [b, n, a]  →  [x, b, n, a]
 */
function mergeItems(live: unknown, configuration: unknown, shape: Shape & { readonly kind: 'set' | 'keyed' }): unknown {
  if (!Array.isArray(live) || !Array.isArray(configuration)) return configuration
  const had = live.map((value: unknown) => ({ value, element: itemElement(shape, value) }))
  const wanted = configuration.map((value: unknown) => ({ value, element: itemElement(shape, value) }))
  const places = new Map(had.map(({ element }, place) => [element, place]))
  const configured = new Set(wanted.map(({ element }) => element))
  const following = nextShared(wanted, places)
  const result: unknown[] = []
  let at = 0
  const takeForeignBefore = (place: number): void => {
    for (; at < place; at++) if (!configured.has(had[at]!.element)) result.push(had[at]!.value)
  }
  for (const [index, { value, element }] of wanted.entries()) {
    takeForeignBefore(following[index] ?? had.length)
    const place = places.get(element)
    result.push(mergeConfiguration(place === undefined ? undefined : had[place]!.value, value, shape.items))
  }
  takeForeignBefore(had.length)
  return result
}

interface Entry {
  readonly element: string | undefined
  readonly value: unknown
}

/** For each wanted item, where the live list has the first one, from there on, that is in both. */
function nextShared(wanted: readonly Entry[], places: ReadonlyMap<string | undefined, number>): (number | undefined)[] {
  const result: (number | undefined)[] = []
  let next: number | undefined
  for (let index = wanted.length - 1; index >= 0; index--) {
    next = places.get(wanted[index]!.element) ?? next
    result[index] = next
  }
  return result
}

/**
 * Takes out what an applier no longer lists: whatever it owned by its `last` configuration and nobody (`owned`, its new one included) owns now.
 * Fields and items go as a whole, with what lies below.
 */
export function pruneUnowned(value: unknown, last: FieldSet, owned: FieldSet, schema: Schema | undefined): unknown {
  const shape = shapeOf(schema, value)
  if (shape.kind === 'leaf') return value
  if (shape.kind === 'map') {
    if (!isObject(value)) return value
    const result: Record<string, unknown> = {}
    for (const name of Object.keys(value)) {
      const kept = prunedChild(
        value[name],
        fieldElement(name),
        isNamedField(shape.node, name),
        last,
        owned,
        fieldSchema(shape.node, name),
      )
      if (kept !== undefined) setOwn(result, name, kept)
    }
    return result
  }
  if (!Array.isArray(value)) return value
  return value
    .map((item: unknown) => {
      const element = itemElement(shape, item)
      return element === undefined ? item : prunedChild(item, element, false, last, owned, shape.items)
    })
    .filter((item) => item !== undefined)
}

/** Undefined when it goes. A struct's field counts as owned when anything below it is. */
function prunedChild(
  value: unknown,
  element: string,
  named: boolean,
  last: FieldSet,
  owned: FieldSet,
  schema: Schema | undefined,
): unknown {
  const had = last[element]
  if (had === undefined) return value
  const has = owned[element]
  const belongs = (node: FieldSet | undefined): boolean => node !== undefined && (named || isMember(node))
  if (belongs(had) && !belongs(has)) return undefined
  return pruneUnowned(value, had, has ?? NOTHING, schema)
}

const NOTHING: FieldSet = Object.freeze({})
