import { setOwn } from '#base'
import { isObject } from '../merge-patch.ts'
import type { Schema } from '../schema.ts'
import { type FieldSet, isMember } from './field-set.ts'
import { fieldElement, fieldSchema, isNamedField, itemElement, type Shape, shapeOf } from './shape.ts'

/** The live value with what the configuration says of it. What neither changes is shared; the order of lists is the configuration's. */
export function mergeConfiguration(live: unknown, configuration: unknown, schema: Schema | undefined): unknown {
  if (configuration === undefined) return live
  if (live === undefined || live === null) return configuration
  const shape = shapeOf(schema, configuration)
  if (shape.kind === 'leaf') return configuration
  if (shape.kind === 'map') return isObject(live) ? mergeFields(live, configuration, shape.node) : configuration
  return Array.isArray(live) ? mergeItems(live, configuration, shape) : configuration
}

function mergeFields(live: Record<string, unknown>, configuration: unknown, node: Schema | undefined): unknown {
  if (!isObject(configuration)) return configuration === null && Object.keys(live).length > 0 ? live : configuration
  const result: Record<string, unknown> = { ...live }
  for (const name of Object.keys(configuration)) {
    const own = Object.hasOwn(live, name) ? live[name] : undefined
    setOwn(result, name, mergeConfiguration(own, configuration[name], fieldSchema(node, name)))
  }
  return result
}

/**
 * Items of the configuration in its order; an item that only the live list has stays where it was among those that both have.
 *
 *     live [a, x, b], configuration [b, n, a]  →  [x, b, n, a]
 */
function mergeItems(
  live: readonly unknown[],
  configuration: unknown,
  shape: Shape & { readonly kind: 'set' | 'keyed' },
): unknown {
  if (!Array.isArray(configuration)) return configuration === null && live.length > 0 ? live : configuration
  const had = live.map((value: unknown) => ({ value, element: itemElement(shape, value) }))
  const wanted = configuration.map((value: unknown) => ({ value, element: itemElement(shape, value) }))
  const configured = new Set(wanted.map(({ element }) => element))
  const known = uniqueValues(had)
  const shared = wanted.map(({ element }) => element).filter((element) => known.has(element))
  const result: unknown[] = []
  const taken = new Set<string | undefined>()
  const take = ({ value, element }: Entry): void => {
    taken.add(element)
    result.push(mergeConfiguration(known.get(element), value, shape.items))
    if (shared[nextShared] === element) nextShared++
  }
  let [at, next, nextShared] = [0, 0, 0]
  while (at < had.length || next < wanted.length) {
    const own = had[at]
    if (own === undefined) take(wanted[next++]!)
    else if (!configured.has(own.element)) {
      result.push(own.value)
      at++
    } else if (own.element === wanted[next]?.element) {
      take(wanted[next++]!)
      at++
    } else {
      // Both have it, but it comes at another place.
      const isPassed = next < wanted.length && nextShared < shared.length && shared[nextShared] !== own.element
      if (isPassed || taken.has(own.element)) at++
      if (!isPassed && next < wanted.length) take(wanted[next++]!)
    }
  }
  return result
}

interface Entry {
  readonly element: string | undefined
  readonly value: unknown
}

/** What shares an element with others is merged with none. */
function uniqueValues(items: readonly Entry[]): ReadonlyMap<string | undefined, unknown> {
  const values = new Map<string | undefined, unknown>()
  for (const { element, value } of items) values.set(element, values.has(element) ? undefined : value)
  return values
}

/**
 * Takes out what an applier no longer lists: whatever it owned by its `last` configuration and nobody (`owned`, its new one included) owns now.
 * Fields and items go as a whole, with what lies below. What loses all that it had is null, as upstream leaves it.
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
    return Object.keys(result).length === 0 && Object.keys(value).length > 0 ? null : result
  }
  if (!Array.isArray(value)) return value
  const kept = value
    .map((item: unknown) => {
      const element = itemElement(shape, item)
      return element === undefined ? item : prunedChild(item, element, false, last, owned, shape.items)
    })
    .filter((item) => item !== undefined)
  return kept.length === 0 && value.length > 0 ? null : kept
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
