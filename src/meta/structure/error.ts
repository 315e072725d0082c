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

/** Where a reader is in the document. One reading uses one place, which its readers move. */
export class Place {
  /** Fields and list indices from the document's root. */
  readonly path: (string | number)[] = []
  /** Type of the struct that has the field, by its last word, as Go prints it. */
  owner = ''
  /** Paths of fields that the schema does not know. */
  readonly unknown: string[] = []
  /** Whether the document is nobody else's: then it is what is read, changed where it has to be. */
  readonly isTaken: boolean

  constructor(isTaken = false) {
    this.isTaken = isTaken
  }

  /** `spec.containers[0].name`. */
  print(): string {
    return this.path.reduce<string>(
      (text, element) => (typeof element === 'number' ? `${text}[${element}]` : text === '' ? element : `${text}.${element}`),
      '',
    )
  }
}

export function mismatch(value: unknown, place: Place, type: string): StructureError {
  const found = Array.isArray(value) ? 'array' : isObject(value) ? 'object' : typeof value === 'boolean' ? 'bool' : nameOf(value)
  const path = place.print()
  const where = path === '' ? 'Go value' : `Go struct field ${place.owner}.${path.replace(/\[\d+\]/g, '')}`
  return new StructureError(`json: cannot unmarshal ${found} into ${where} of type ${type}`, {
    converted: conversionError(value, found, type),
  })
}

/** A long integer is a number like any other. */
const nameOf = (value: unknown): string => (typeof value === 'bigint' ? 'number' : typeof value)

function conversionError(value: unknown, found: string, type: string): string {
  const kind =
    { array: 'slice', object: 'map', number: typeof value === 'bigint' || Number.isInteger(value) ? 'int64' : 'float64' }[
      found
    ] ?? found
  if (type.startsWith('[]')) return `cannot restore slice from ${kind}`
  if (type.startsWith('map[')) return `cannot restore map from ${kind}`
  if (/^(string|bool|int32|int64|float64)$/.test(type)) return `unrecognized type: ${type}`
  return `cannot restore struct from: ${kind}`
}

/** `io.k8s.api.core.v1.PodSpec` is printed by its last word, as struct names are. */
export const typeName = (schema: Schema): string => deref(schema).name?.split('.').at(-1) ?? ''

export function goType(schema: Schema | undefined): string {
  if (schema === undefined) return 'interface {}'
  const node = deref(schema)
  if (node.name !== undefined) return node.name.split('.').slice(-2).join('.')
  return node.type === 'integer' ? (node.format ?? 'int64') : (node.type ?? 'interface {}')
}
