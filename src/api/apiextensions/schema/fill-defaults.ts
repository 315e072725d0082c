import { deepClone, setOwn } from '#base'
import { isObject } from '#meta'
import type { DefaultOptions } from '../../definition.ts'
import { additionalOf, fieldOf, propertyOf, type Structural } from './structural.ts'

/**
 * Drops nulls in place where the schema allows none and has no default; then fills in what is absent or null and has one, also inside lists and maps.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting-and-nullable
 */
export function fillDefaults(value: unknown, schema: Structural, { isApplied = false }: DefaultOptions = {}): void {
  // What an apply says stands, and is judged.
  if (!isApplied) dropNulls(value, schema)
  fill(value, schema)
}

function fill(value: unknown, node: Structural): void {
  if (Array.isArray(value)) {
    const { items } = node
    if (items === undefined) return
    for (const [index, item] of value.entries()) {
      if (isUnwantedNull(item, items) && items.default !== undefined) value[index] = deepClone(items.default)
      fill(value[index], items)
    }
    return
  }
  if (!isObject(value)) return
  for (const [name, property] of Object.entries(node.properties ?? {})) {
    if (property.default === undefined) continue
    const absent = !Object.hasOwn(value, name) || isUnwantedNull(value[name], property)
    if (absent) setOwn(value, name, deepClone(property.default))
  }
  const additional = additionalOf(node)
  for (const name of Object.keys(value)) {
    const known = propertyOf(node, name) ?? additional
    if (known === undefined) continue
    if (known === additional && isUnwantedNull(value[name], known) && known.default !== undefined)
      setOwn(value, name, deepClone(known.default))
    fill(value[name], known)
  }
}

function dropNulls(value: unknown, node: Structural): void {
  if (Array.isArray(value)) {
    if (node.items !== undefined) for (const item of value) dropNulls(item, node.items)
    return
  }
  if (!isObject(value)) return
  for (const name of Object.keys(value)) {
    const known = fieldOf(node, name)
    if (known === undefined) continue
    if (isUnwantedNull(value[name], known) && known.default === undefined) delete value[name]
    else dropNulls(value[name], known)
  }
}

const isUnwantedNull = (value: unknown, node: Structural): boolean => value === null && node.nullable !== true
