import { isObject } from '#meta'
import { duplicateValue, type Findings, invalidValue } from '../../validation/findings.ts'
import { inKeyOrder } from '../internal-form.ts'
import { additionalOf, propertyOf, type Structural } from './structural.ts'

/** Items that a set or a keyed list holds twice; each is told of once, where it stands for the second time. */
export function duplicateItems(value: unknown, schema: Structural, path: string, found: Findings): void {
  if (Array.isArray(value)) {
    if (schema['x-kubernetes-list-type'] === 'set') twice(value, (item) => item, path, found)
    if (schema['x-kubernetes-list-type'] === 'map') keyedTwice(value, schema, path, found)
    if (schema.items !== undefined)
      for (const [index, item] of value.entries()) duplicateItems(item, schema.items, `${path}[${index}]`, found)
    return
  }
  if (!isObject(value)) return
  const additional = additionalOf(schema)
  if (additional !== undefined)
    for (const [name, item] of Object.entries(value)) duplicateItems(item, additional, `${path}[${name}]`, found)
  for (const [name, item] of Object.entries(value)) {
    const property = propertyOf(schema, name)
    if (property !== undefined) duplicateItems(item, property, path === '' ? name : `${path}.${name}`, found)
  }
}

function keyedTwice(list: readonly unknown[], schema: Structural, path: string, found: Findings): void {
  const odd = list.findIndex((item) => item !== null && !isObject(item))
  if (odd !== -1) {
    found.push(invalidValue(`${path}[${odd}]`, inKeyOrder(list[odd]), 'must be an object for an array of list-type map'))
    return
  }
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const keyOf = (item: unknown): object =>
    Object.fromEntries(
      keys.filter((key) => isObject(item) && Object.hasOwn(item, key)).map((key) => [key, (item as Fields)[key]]),
    )
  twice(list, keyOf, path, found)
}

type Fields = Record<string, unknown>

function twice(list: readonly unknown[], keyOf: (item: unknown) => unknown, path: string, found: Findings): void {
  const seen = new Map<string, number>()
  for (const [index, item] of list.entries()) {
    const key = inKeyOrder(keyOf(item))
    const text = JSON.stringify(key)
    const times = seen.get(text) ?? 0
    seen.set(text, times + 1)
    if (times === 1) found.push(duplicateValue(`${path}[${index}]`, key))
  }
}
