import { setOwn } from '#base'
import { isObject } from '../merge-patch.ts'
import type { Schema } from '../schema.ts'
import { fieldSchema, itemElement, type Shape, shapeOf } from './shape.ts'

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
