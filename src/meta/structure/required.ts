import { isObject } from '../merge-patch.ts'
import { deref, type Schema } from '../schema.ts'

/** Whether every required field is there: the quick answer that almost every object gets. */
function hasRequired(value: unknown, schema: Schema): boolean {
  const node = deref(schema)
  if (Array.isArray(value)) {
    const { items } = node
    if (items !== undefined) for (const item of value) if (!hasRequired(item, items)) return false
    return true
  }
  if (!isObject(value)) return true
  if (node.required !== undefined) for (const name of node.required) if (value[name] === undefined) return false
  const { properties, additionalProperties } = node
  const others = properties === undefined ? additionalProperties : undefined
  if (properties === undefined && others === undefined) return true
  for (const key of Object.keys(value)) {
    const child = properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : others
    const field = value[key]
    if (child !== undefined && typeof field === 'object' && !hasRequired(field, child)) return false
  }
  return true
}

/** Yields the paths of required fields that are absent, in schema order. */
export function* missingRequired(value: unknown, schema: Schema): Iterable<string> {
  if (!hasRequired(value, schema)) yield* missingAt(value, schema, '')
}

function* missingAt(value: unknown, schema: Schema, path: string): Iterable<string> {
  const node = deref(schema)
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries())
      if (node.items !== undefined) yield* missingAt(item, node.items, `${path}[${index}]`)
    return
  }
  if (!isObject(value)) return
  for (const name of node.required ?? []) if (value[name] === undefined) yield path === '' ? name : `${path}.${name}`
  for (const [name, property] of Object.entries(node.properties ?? {})) {
    if (value[name] !== undefined) yield* missingAt(value[name], property, path === '' ? name : `${path}.${name}`)
  }
  if (node.additionalProperties !== undefined && node.properties === undefined) {
    for (const [key, child] of Object.entries(value)) yield* missingAt(child, node.additionalProperties, `${path}[${key}]`)
  }
}
