import { setOwn } from '#base'
import { isObject } from './merge-patch.ts'
import { canonicalQuantity } from './quantity.ts'
import { deref, type Schema } from './schema.ts'

/** What reading a document against its schema found. */
export interface Structure {
  /** The document with unknown fields left out, nulls as absent and scalars in their one spelling. */
  readonly value: unknown
  /** Paths of fields that the schema does not know, in document order. */
  readonly unknown: readonly string[]
}

/** A value of a type that the field can't hold; the message is worded as Go's JSON decoder does. */
export class StructureError extends Error {
  override readonly name = 'StructureError'
  /** What upstream says where the value was no text any more (strategic merge patches): `unrecognized type: int32`. */
  readonly converted: string

  constructor(message: string, { converted = message, ...options }: ErrorOptions & { readonly converted?: string } = {}) {
    super(message, options)
    this.converted = converted
  }
}

/** Deeper documents are refused before they can exhaust the stack. */
export const DEPTH_MAX = 500

const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity'
const TIME = /\.(Time|MicroTime)$/

/** Reads a decoded document as the type that `schema` describes, as a typed decoder would. Throws {@link StructureError}. */
export function conform(document: unknown, schema: Schema): Structure {
  const unknown: string[] = []
  return { value: read(document, schema, '', typeName(schema), unknown, 0), unknown }
}

function read(value: unknown, schema: Schema, path: string, owner: string, unknown: string[], depth: number): unknown {
  if (depth > DEPTH_MAX) throw new StructureError('json: exceeded max depth')
  const node = deref(schema)
  if (value === null || value === undefined) return undefined
  if (node.name === QUANTITY) return readQuantity(value)
  if (node.intOrString) return readIntOrString(value, path, owner)
  if (node.preserveUnknownFields && node.properties === undefined) return value
  switch (node.type) {
    case 'object':
      return readObject(value, node, path, owner, unknown, depth)
    case 'array':
      return readArray(value, node, path, owner, unknown, depth)
    case 'string':
      if (typeof value !== 'string') throw mismatch(value, path, owner, 'string')
      if (node.name !== undefined && TIME.test(node.name)) return readTime(value, node.name)
      return value
    case 'boolean':
      if (typeof value !== 'boolean') throw mismatch(value, path, owner, 'bool')
      return value
    case 'integer':
      return readInteger(value, node.format ?? 'int64', path, owner)
    case 'number':
      if (typeof value !== 'number') throw mismatch(value, path, owner, 'float64')
      return value
    default:
      return value
  }
}

function readObject(value: unknown, node: Schema, path: string, owner: string, unknown: string[], depth: number): unknown {
  const own = node.name === undefined ? owner : typeName(node)
  if (!isObject(value)) throw mismatch(value, path, owner, node.properties === undefined ? 'map[string]string' : own)
  const result: Record<string, unknown> = {}
  for (const key of Object.keys(value)) {
    const child = path === '' ? key : `${path}.${key}`
    const known =
      node.properties !== undefined && Object.hasOwn(node.properties, key) ? node.properties[key] : node.additionalProperties
    if (known === undefined) {
      if (node.properties === undefined || node.preserveUnknownFields) setOwn(result, key, value[key])
      else unknown.push(child)
      continue
    }
    const read_ = read(value[key], known, child, own, unknown, depth + 1)
    if (read_ !== undefined) setOwn(result, key, read_)
    // A null in a map of strings is Go's zero value; a field of a struct is absent.
    else if (node.additionalProperties === known && deref(known).type === 'string') setOwn(result, key, '')
  }
  return result
}

function readArray(value: unknown, node: Schema, path: string, owner: string, unknown: string[], depth: number): unknown {
  if (!Array.isArray(value)) throw mismatch(value, path, owner, `[]${goType(node.items)}`)
  const items = node.items ?? {}
  return value.map((item, index) => read(item, items, `${path}[${index}]`, owner, unknown, depth + 1) ?? {})
}

function readInteger(value: unknown, format: string, path: string, owner: string): number {
  if (typeof value !== 'number') throw mismatch(value, path, owner, format)
  const bound = format === 'int32' ? 2 ** 31 : 2 ** 63
  // Past 2^53 a number is no longer the one that was written: better refused than changed in silence.
  if (!Number.isSafeInteger(value) || value >= bound || value < -bound) {
    throw new StructureError(`json: cannot unmarshal number ${value} into Go struct field ${owner}.${path} of type ${format}`, {
      converted: `unrecognized type: ${format}`,
    })
  }
  return value
}

function readQuantity(value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number') {
    throw new StructureError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
  }
  try {
    return canonicalQuantity(String(value))
  } catch (error) {
    throw new StructureError((error as Error).message, { cause: error })
  }
}

function readIntOrString(value: unknown, path: string, owner: string): number | string {
  if (typeof value === 'string' || (typeof value === 'number' && Number.isInteger(value))) return value
  throw mismatch(value, path, owner, 'intstr.IntOrString')
}

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

/** One spelling of an instant: UTC, whole seconds or six digits. */
function readTime(value: string, name: string): string | undefined {
  const ms = Date.parse(value)
  if (!RFC3339.test(value) || Number.isNaN(ms)) {
    throw new StructureError(
      `parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(value)} as "2006"`,
    )
  }
  if (!name.endsWith('.MicroTime')) return `${new Date(ms).toISOString().slice(0, 19)}Z`
  const digits = (/\.(\d+)/.exec(value)?.[1] ?? '').padEnd(6, '0').slice(0, 6)
  return `${new Date(ms).toISOString().slice(0, 19)}.${digits}Z`
}

function mismatch(value: unknown, path: string, owner: string, type: string): StructureError {
  const found = Array.isArray(value) ? 'array' : isObject(value) ? 'object' : typeof value === 'boolean' ? 'bool' : typeof value
  const where = path === '' ? 'Go value' : `Go struct field ${owner}.${path.replace(/\[\d+\]/g, '')}`
  return new StructureError(`json: cannot unmarshal ${found} into ${where} of type ${type}`, {
    converted: conversionError(value, found, type),
  })
}

function conversionError(value: unknown, found: string, type: string): string {
  const kind = { array: 'slice', object: 'map', number: Number.isInteger(value) ? 'int64' : 'float64' }[found] ?? found
  if (type.startsWith('[]')) return `cannot restore slice from ${kind}`
  if (type.startsWith('map[')) return `cannot restore map from ${kind}`
  if (/^(string|bool|int32|int64|float64)$/.test(type)) return `unrecognized type: ${type}`
  return `cannot restore struct from: ${kind}`
}

/** `v1.PodSpec` for `io.k8s.api.core.v1.PodSpec` is printed by its last word, as struct names are. */
const typeName = (schema: Schema): string => deref(schema).name?.split('.').at(-1) ?? ''

function goType(schema: Schema | undefined): string {
  if (schema === undefined) return 'interface {}'
  const node = deref(schema)
  if (node.name !== undefined) return node.name.split('.').slice(-2).join('.')
  return node.type === 'integer' ? (node.format ?? 'int64') : (node.type ?? 'interface {}')
}

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
