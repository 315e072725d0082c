import { isObject } from '../merge-patch.ts'
import { deref, type Schema } from '../schema.ts'

/** Whether every required field below a value is there. */
type Check = (value: unknown) => boolean

/** Undefined: nothing below a value of the type is required. */
const checks = new WeakMap<Schema, Check | undefined>()

/** The quick answer that almost every object gets: each type becomes a function, which looks only where something is required. */
function checkOf(schema: Schema): Check | undefined {
  const node = deref(schema)
  if (checks.has(node)) return checks.get(node)
  // A type that contains itself asks for its own check when it is run.
  checks.set(node, (value) => checks.get(node)!(value))
  const check = isRequiring(node, new Set()) ? compile(node) : undefined
  checks.set(node, check)
  return check
}

/** Whether anything at or below a type is required. */
function isRequiring(schema: Schema | undefined, seen: Set<Schema>): boolean {
  if (schema === undefined) return false
  const node = deref(schema)
  if (seen.has(node)) return false
  seen.add(node)
  if (node.required?.length) return true
  const below = [...Object.values(node.properties ?? {}), node.items, node.additionalProperties]
  return below.some((each) => isRequiring(each, seen))
}

function compile(node: Schema): Check {
  const item = node.items && checkOf(node.items)
  const ofList: Check = (list) => item === undefined || (list as readonly unknown[]).every(item)
  const ofObject = node.properties === undefined ? mapCheck(node) : structCheck(node, node.properties)
  return (value) => (Array.isArray(value) ? ofList(value) : !isObject(value) || ofObject(value))
}

function structCheck(
  { required = [] }: Schema,
  properties: Readonly<Record<string, Schema>>,
): (value: Record<string, unknown>) => boolean {
  const below = Object.entries(properties).flatMap(([name, child]) => {
    const check = checkOf(child)
    return check === undefined ? [] : [{ name, check }]
  })
  return (value) => {
    for (let index = 0; index < required.length; index++) if (value[required[index]!] === undefined) return false
    for (let index = 0; index < below.length; index++) {
      const { name, check } = below[index]!
      const child = value[name]
      if (typeof child === 'object' && !check(child)) return false
    }
    return true
  }
}

function mapCheck({ required = [], additionalProperties }: Schema): (value: Record<string, unknown>) => boolean {
  const check = additionalProperties && checkOf(additionalProperties)
  return (value) => {
    for (const name of required) if (value[name] === undefined) return false
    if (check !== undefined) for (const key in value) if (typeof value[key] === 'object' && !check(value[key])) return false
    return true
  }
}

/** Yields the paths of required fields that are absent, in schema order. */
export function* missingRequired(value: unknown, schema: Schema): Iterable<string> {
  if (checkOf(schema)?.(value) === false) yield* missingAt(value, schema, '')
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
