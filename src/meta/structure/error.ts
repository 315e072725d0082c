import { isObject } from '../merge-patch.ts'
import { deref, type Schema } from '../schema.ts'

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

/** `value` stands at `path` of a document of type `root`, where another type is expected: the field's, or what the field's own decoder takes. */
export function mismatch(
  value: unknown,
  {
    root,
    path,
    literal = undefined,
  }: { readonly root: Schema; readonly path: readonly (string | number)[]; readonly literal?: string | undefined },
  taken?: string,
): StructureError {
  const { owner, fields, type: own } = whereabouts(root, path)
  const type = taken ?? own
  const isNumber = typeof value === 'number' || typeof value === 'bigint'
  // A number of the right kind that does not fit is shown.
  const found = isNumber && NUMBER.test(type) ? `number ${literal ?? value}` : jsonTypeOf(value)
  const where = fields.length === 0 ? 'Go value' : `Go struct field ${owner}.${fields.join('.')}`
  return new StructureError(`json: cannot unmarshal ${found} into ${where} of type ${type}`, {
    converted: conversionError(value, isNumber ? 'number' : found, type),
  })
}

const NUMBER = /^(int32|int64|float64|uint8)$/

/** What a decoder calls a value. */
export function jsonTypeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  if (isObject(value)) return 'object'
  if (typeof value === 'boolean') return 'bool'
  return typeof value === 'bigint' ? 'number' : typeof value
}

function conversionError(value: unknown, found: string, type: string): string {
  const kind =
    { array: 'slice', object: 'map', number: typeof value === 'bigint' || Number.isInteger(value) ? 'int64' : 'float64' }[
      found
    ] ?? found
  if (type.startsWith('[]')) return `cannot restore slice from ${kind}`
  if (type.startsWith('map[')) return `cannot restore map from ${kind}`
  if (kind === 'float64' && type.startsWith('int')) return `cannot convert float64 to ${type}`
  if (/^(string|bool|int32|int64|float64)$/.test(type)) return `unrecognized type: ${type}`
  return `cannot restore struct from: ${kind}`
}

interface Whereabouts {
  /** The struct that has the field, by its last word. */
  readonly owner: string
  /** JSON names of the fields that lead there, after Go's names of the structs that they are inlined from; keys of maps and places in lists are not told. */
  readonly fields: readonly string[]
  readonly type: string
}

/** Found only when it is asked for: readers keep nothing but the path. */
function whereabouts(root: Schema, path: readonly (string | number)[]): Whereabouts {
  let [node, type, owner] = [deref(root), goType(root), '']
  const fields: string[] = []
  for (const element of path) {
    const { properties, items, additionalProperties } = node
    const field =
      typeof element === 'string' && properties !== undefined && Object.hasOwn(properties, element)
        ? properties[element]
        : undefined
    const child = field ?? (typeof element === 'number' ? items : additionalProperties)
    if (field !== undefined) {
      owner = typeName(node)
      if (field.inlined !== undefined) fields.push(field.inlined)
      fields.push(String(element))
    }
    type = field?.goType ?? elementOf(type) ?? goType(child)
    if (field !== undefined && field.goType === undefined) type = goType(field)
    node = child === undefined ? {} : deref(child)
  }
  return { owner, fields, type }
}

/** What a list or a map holds: `[]v1.Capability`, `map[v1.ResourceName]v1.ClaimResourceStatus`. */
const elementOf = (type: string): string | undefined => /^(?:\[\]|map\[[^\]]*\])(.+)$/.exec(type)?.[1]

/** `io.k8s.api.core.v1.PodSpec` is printed by its last word, as struct names are. */
const typeName = (schema: Schema): string => deref(schema).name?.split('.').at(-1) ?? ''

function goType(schema: Schema | undefined): string {
  if (schema === undefined) return 'interface {}'
  if (schema.goType !== undefined) return schema.goType
  const { name, type, format, items, properties, additionalProperties } = deref(schema)
  if (name !== undefined) return name.split('.').slice(-2).join('.')
  switch (type) {
    case 'string':
      return format === 'byte' ? '[]uint8' : 'string'
    case 'integer':
      return format ?? 'int64'
    case 'number':
      return 'float64'
    case 'boolean':
      return 'bool'
    case 'array':
      return `[]${goType(items)}`
    case 'object':
      return properties === undefined
        ? `map[string]${additionalProperties === undefined ? 'string' : goType(additionalProperties)}`
        : 'object'
    default:
      return 'interface {}'
  }
}
