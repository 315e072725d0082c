import { type CelSchema, dereference } from './schema.ts'

/** Upstream's bounds on data of a schema, which estimates of costs start from (k8s.io/apiserver/pkg/cel/limits.go); sizes are those of JSON. */
const REQUEST_BYTES_MAX = 3 * 1024 * 1024
const DURATION_MAX = 32
const DATE_SIZE = 12
const DATE_TIME_MAX = 32
const DATE_TIME_MIN = 21
const DURATION_MIN = 3
const EMPTY_SIZE = 2
const BOOL_MIN = 4
const NUMBER_MIN = 1

/** The most elements, characters or bytes that data of this schema can have in one request; 0 for what has no size. */
export function maxElements(schema: CelSchema): number {
  const atLeastZero = (value: number): number => Math.max(0, value)
  if (schema.intOrString === true)
    return schema.maxLength === undefined ? REQUEST_BYTES_MAX - 2 : atLeastZero(schema.maxLength) * 4
  switch (schema.type) {
    case 'array':
      if (schema.maxItems !== undefined) return atLeastZero(schema.maxItems)
      return Math.floor((REQUEST_BYTES_MAX - 2) / (minSerializedSize(schema.items ?? {}) + 1))
    case 'object':
      if (schema.additionalProperties === undefined) return 0
      if (schema.maxProperties !== undefined) return atLeastZero(schema.maxProperties)
      return Math.floor((REQUEST_BYTES_MAX - 2) / (minSerializedSize(schema.additionalProperties) + 6))
    case 'string':
      return maxLength(schema)
    default:
      return 0
  }
}

function maxLength({ format, maxLength: declared, enum: values }: CelSchema): number {
  if (format === 'duration') return DURATION_MAX
  if (format === 'date') return DATE_SIZE
  if (format === 'date-time') return DATE_TIME_MAX
  // Declared in code points, of which one may be four bytes; base64 is plain.
  if (declared !== undefined) return Math.max(0, declared) * (format === 'byte' ? 1 : 4)
  if (values !== undefined && values.length > 0 && format !== 'byte') {
    return Math.max(...values.map((value) => (typeof value === 'string' ? Buffer.byteLength(value) : 0)))
  }
  return REQUEST_BYTES_MAX - 2
}

/** The shortest JSON of a value: of an object, its required properties that have no default. A schema that contains itself counts as empty there. */
function minSerializedSize(node: CelSchema, above: readonly CelSchema[] = []): number {
  const schema = dereference(node)
  if (schema.intOrString === true) return NUMBER_MIN
  switch (schema.type) {
    case 'boolean':
      return BOOL_MIN
    case 'integer':
    case 'number':
      return NUMBER_MIN
    case 'string':
      return { duration: DURATION_MIN, date: DATE_SIZE, 'date-time': DATE_TIME_MIN }[schema.format ?? ''] ?? EMPTY_SIZE
    case 'object': {
      if (schema.additionalProperties !== undefined || above.includes(schema)) return EMPTY_SIZE
      return (schema.required ?? []).reduce((size, name) => {
        const property = schema.properties?.[name]
        if (property === undefined || dereference(property).default !== undefined) return size
        return size + Buffer.byteLength(name) + minSerializedSize(property, [...above, schema]) + 4
      }, EMPTY_SIZE)
    }
    default:
      return EMPTY_SIZE
  }
}
