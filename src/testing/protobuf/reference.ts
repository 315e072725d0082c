import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import protobufjs from 'protobufjs'

/** One field of a message, from the published facts and not from what is generated of them. */
export interface Fact extends FieldShape {
  readonly name: string
  readonly number: number
  readonly repeated: boolean
  readonly inline: boolean
  readonly map?: FieldShape
  /** Also of a list, which is then in JSON although nothing is on the wire. */
  readonly always: boolean
  readonly omitsZero: boolean
  readonly scalar: boolean
}

export interface FieldShape {
  readonly type: string
}

const read = <T>(name: string): Readonly<Record<string, Readonly<Record<string, T>>>> =>
  JSON.parse(readFileSync(join(import.meta.dirname, '../../../tools/data', name), 'utf8'))

const messages = read<readonly (string | number)[]>('protobuf-fields.json')
const presence = read<string>('json-presence.json')
const SCALARS = new Set(['string', 'bytes', 'bool', 'double', 'int32', 'int64', 'uint32', 'uint64'])
/** Pointers in types that have no struct tags. */
const WRAPPED_SCHEMA = /JSONSchemaPropsOr\w+\.schema$/
const SLICES = /^bytes$|\.(ExtraValue|Verbs)$/

export function factsOf(message: string): Fact[] {
  return Object.entries(messages[message] ?? {}).map(([name, row]) => {
    const flags = WRAPPED_SCHEMA.test(`${message}.${name}`) ? 'p' : (presence[message]?.[name] ?? '')
    const type = String(row[1])
    const [repeated, map] = [row.includes('repeated'), type === 'map']
    return {
      name,
      number: Number(row[0]),
      type,
      repeated,
      inline: row.includes('inline'),
      ...(map && { map: { type: String(row[3]) } }),
      always: repeated ? !/[po]/.test(flags) : !flags.includes('p') && !map && !SLICES.test(type),
      omitsZero: flags.includes('o') && !flags.includes('p'),
      scalar: SCALARS.has(type),
    }
  })
}

type Fields = ReadonlyMap<Fact, unknown>

/** What the wire holds for a JSON object: every field that upstream's encoder writes, specials taken apart. */
export function fieldsOf(message: string, value: unknown): Fields {
  const parts = specialFields(message, value)
  const object = (parts ?? value ?? {}) as Readonly<Record<string, unknown>>
  const found = new Map<Fact, unknown>()
  if (parts === 'nothing') return found
  for (const fact of factsOf(message).sort((a, b) => a.number - b.number)) {
    const { name, type, map, repeated, inline, always } = fact
    const item = inline ? object : object[name]
    if (map !== undefined) {
      const keys = Object.keys((item ?? {}) as object).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      if (keys.length > 0)
        found.set(fact, new Map(keys.map((key) => [key, wire(map.type, (item as Record<string, unknown>)[key])])))
    } else if (repeated) {
      const list = (item ?? []) as unknown[]
      const written = list.map((each) => wire(type, each))
      if (list.length > 0) found.set(fact, written)
    } else if (always || inline || (item !== undefined && item !== null)) found.set(fact, wire(type, item))
  }
  return found
}

function wire(type: string, value: unknown): unknown {
  switch (type) {
    case 'string':
      return value ?? ''
    case 'bool':
      return value ?? false
    case 'bytes':
      return typeof value === 'string' ? Buffer.from(value, 'base64') : (value ?? Buffer.alloc(0))
    case 'int32':
    case 'int64':
    case 'double':
      return value ?? 0
    default:
      return fieldsOf(type, value)
  }
}

/** The fields of a message whose JSON form is something else; 'nothing' for an empty message. */
function specialFields(message: string, value: unknown): Readonly<Record<string, unknown>> | 'nothing' | undefined {
  switch (message.split('.').at(-1)) {
    case 'Time':
    case 'MicroTime': {
      if (typeof value !== 'string') return 'nothing'
      const micros = Number(/\.(\d{6})/.exec(value)?.[1] ?? 0)
      return { seconds: Date.parse(value.replace(/\.\d+/, '')) / 1000, nanos: micros * 1000 }
    }
    case 'Quantity':
      return { string: value ?? '0' }
    case 'IntOrString':
      return typeof value === 'string' ? { type: 1, intVal: 0, strVal: value } : { type: 0, intVal: value ?? 0, strVal: '' }
    case 'FieldsV1':
      return value === undefined ? 'nothing' : { Raw: Buffer.from(JSON.stringify(value)) }
    case 'RawExtension':
    case 'JSON':
      return value === undefined || value === null ? 'nothing' : { raw: Buffer.from(JSON.stringify(value)) }
    case 'ExtraValue':
    case 'Verbs':
      return { items: value }
    case 'JSONSchemaPropsOrBool':
      return typeof value === 'boolean' ? { allows: value } : { allows: true, schema: value }
    case 'JSONSchemaPropsOrArray':
      return Array.isArray(value) ? { jSONSchemas: value } : { schema: value }
    case 'JSONSchemaPropsOrStringArray':
      return Array.isArray(value) ? { property: value } : { schema: value }
    default:
      return undefined
  }
}

/** Plainly, from front to back. */
export function bytesByHand(fields: Fields): Buffer {
  const parts: Buffer[] = []
  for (const [fact, value] of fields) {
    if (value instanceof Map && fact.map !== undefined) {
      for (const [key, item] of value as Map<string, unknown>) {
        const entry = Buffer.concat([one(1, 'string', key), one(2, fact.map.type, item)])
        parts.push(varint((fact.number << 3) | 2), varint(entry.length), entry)
      }
    } else if (fact.repeated) for (const item of value as unknown[]) parts.push(one(fact.number, fact.type, item))
    else parts.push(one(fact.number, fact.type, value))
  }
  return Buffer.concat(parts)
}

function one(number: number, type: string, value: unknown): Buffer {
  if (type === 'double') {
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleLE(value as number)
    return Buffer.concat([varint((number << 3) | 1), bytes])
  }
  if (type === 'bool' || type.startsWith('int')) return Buffer.concat([varint(number << 3), varint(Number(value))])
  const content = typeof value === 'string' ? Buffer.from(value) : Buffer.isBuffer(value) ? value : bytesByHand(value as Fields)
  return Buffer.concat([varint((number << 3) | 2), varint(content.length), content])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}

/** By protobufjs over types made of the same tables. */
export function bytesByProtobufjs(message: string, fields: Fields): Buffer {
  const type = root.lookupType(typeFor(message))
  return Buffer.from(type.encode(type.fromObject(plain(fields) as Record<string, unknown>)).finish())
}

const root = new protobufjs.Root()
const nameOf = (message: string): string => message.replaceAll(/[^A-Za-z0-9]/g, '_')

function typeFor(message: string): string {
  const name = nameOf(message)
  if (root.get(name) !== null) return name
  const type = new protobufjs.Type(name)
  root.add(type)
  for (const { number, type: own, repeated, map } of factsOf(message)) {
    const target = map?.type ?? own
    const reference = SCALARS.has(target) ? target : typeFor(target)
    if (map !== undefined) type.add(new protobufjs.MapField(`f${number}`, number, 'string', reference))
    else type.add(new protobufjs.Field(`f${number}`, number, reference, repeated ? 'repeated' : 'optional', { packed: false }))
  }
  return name
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (!(value instanceof Map)) return value
  return Object.fromEntries(
    [...value].map(([key, item]) => [typeof key === 'string' ? key : `f${(key as Fact).number}`, plain(item)]),
  )
}
