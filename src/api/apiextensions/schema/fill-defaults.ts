import { deepClone, setOwn } from '#base'
import { isObject } from '#meta'
import { additionalOf, fieldOf, type Structural } from './structural.ts'

/**
 * Fills in place what is absent and has a default, also inside lists and maps; then drops nulls where the schema allows none.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting-and-nullable
 */
export function fillDefaults(value: unknown, schema: Structural): void {
  fill(value, schema)
  dropNulls(value, schema)
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
    const known = fieldOf(node, name)
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
    const property = node.properties !== undefined && Object.hasOwn(node.properties, name) ? node.properties[name] : undefined
    if (property !== undefined && isUnwantedNull(value[name], property)) delete value[name]
    else {
      const known = property ?? additionalOf(node)
      if (known !== undefined) dropNulls(value[name], known)
    }
  }
}

const isUnwantedNull = (value: unknown, node: Structural): boolean => value === null && node.nullable !== true
