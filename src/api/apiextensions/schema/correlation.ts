import { deepEqual } from '#base'
import { isObject } from '#meta'
import { additionalOf, fieldOf, propertyOf, type Structural } from './structural.ts'

/** The value that stood in the same place before an update, and what the schema says of that place. */
export interface Correlated {
  readonly value: unknown
  readonly node: Structural
}

/** The same field before; undefined where there was none, or where the schema knows nothing of it. */
export function correlatedField(former: Correlated | undefined, name: string): Correlated | undefined {
  if (former === undefined || !isObject(former.value) || !Object.hasOwn(former.value, name)) return undefined
  const node = propertyOf(former.node, name) ?? additionalOf(former.node)
  return node && { value: former.value[name], node }
}

/** What items were before. Only those of a keyed list have an identity that outlives a change. */
export function correlatedItems(former: Correlated | undefined): (item: unknown) => Correlated | undefined {
  const node = former?.node.items
  const keys = former?.node['x-kubernetes-list-type'] === 'map' ? former.node['x-kubernetes-list-map-keys'] : undefined
  if (node === undefined || keys === undefined || !Array.isArray(former?.value)) return () => undefined
  const byKey = new Map<string, unknown>(former.value.map((item: unknown) => [itemKey(item, keys), item]))
  return (item) => {
    const value = byKey.get(itemKey(item, keys))
    return value === undefined || value === null ? undefined : { value, node }
  }
}

export const itemKey = (item: unknown, keys: readonly string[]): string =>
  JSON.stringify(isObject(item) ? keys.map((key) => item[key] ?? null) : item)

/** Whether nothing changed, as far as the schema tells what belongs together: fields that it does not know count as changed, the order of a keyed list does not. */
export function isUnchanged(value: unknown, former: Correlated): boolean {
  const { value: old, node } = former
  if (Array.isArray(value) && Array.isArray(old)) {
    if (value.length !== old.length) return false
    if (node['x-kubernetes-list-type'] !== 'map' || node.items === undefined) return deepEqual(value, old)
    const formerOf = correlatedItems(former)
    return value.every((item) => {
      const before = formerOf(item)
      return before !== undefined && isUnchanged(item, before)
    })
  }
  if (!isObject(value) || !isObject(old)) return deepEqual(value, old)
  const names = Object.keys(value)
  return (
    names.length === Object.keys(old).length &&
    names.every((name) => {
      const known = fieldOf(node, name)
      return known !== undefined && Object.hasOwn(old, name) && isUnchanged(value[name], { value: old[name], node: known })
    })
  )
}

/** The value that stood in the same place before an update. */
export interface Former {
  readonly value: unknown
}

/** What items were before, where each has an identity of its own. */
export function formerItems(schema: Structural, former: Former | undefined): (item: unknown) => Former | undefined {
  return correlatedItems(former && { value: former.value, node: schema })
}

export const formerField = (former: Former | undefined, name: string): Former | undefined =>
  former !== undefined && isObject(former.value) && Object.hasOwn(former.value, name) ? { value: former.value[name] } : undefined
