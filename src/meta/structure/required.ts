import { isObject } from '../merge-patch.ts'
import { deref, type Schema } from '../schema.ts'
import { zeroValue } from './zero.ts'

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
  const below = new Map<string, Check>()
  for (const [name, child] of Object.entries(properties)) {
    const check = checkOf(child)
    if (check !== undefined) below.set(name, check)
  }
  return (value) => {
    for (let index = 0; index < required.length; index++) if (value[required[index]!] === undefined) return false
    // An object has few of its type's fields.
    for (const name in value) {
      const child = value[name]
      if (typeof child === 'object' && below.get(name)?.(child) === false) return false
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

/** Whether every field that the schema requires is there. */
export const hasRequired = (value: unknown, schema: Schema): boolean => checkOf(schema)?.(value) !== false

/**
 * Gives fields that the schema requires, and that upstream's types always have, the value that they have there while nobody
 * sets them: what is required of them is a kind's own rules' to say. Only pointers stay absent.
 */
export function fillRequired(value: unknown, schema: Schema): void {
  if (!hasRequired(value, schema)) fillBelow(value, schema)
}

function fillBelow(value: unknown, schema: Schema): void {
  const node = deref(schema)
  if (Array.isArray(value)) {
    const { items } = node
    if (items !== undefined) for (const item of value) fillBelow(item, items)
    return
  }
  if (!isObject(value)) return
  const { properties, additionalProperties, required = [] } = node
  for (const name of required) if (value[name] === undefined) fill(value, name, properties?.[name])
  for (const [key, field] of Object.entries(value)) {
    const own = properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : undefined
    const child = properties === undefined ? additionalProperties : own
    if (child !== undefined && typeof field === 'object') fillBelow(field, child)
  }
}

function fill(value: Record<string, unknown>, name: string, property: Schema | undefined): void {
  const zero = property?.always ? zeroValue(property) : undefined
  if (zero !== undefined) value[name] = zero
}
