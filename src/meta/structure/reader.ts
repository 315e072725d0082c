import { setOwn } from '#base'
import type { Oddities } from '../json/reader.ts'
import { isObject } from '../merge-patch.ts'
import { deref, type Schema } from '../schema.ts'
import { StructureError } from './error.ts'
import type { Place } from './place.ts'
import { readBytes, readInteger, readIntOrString, readQuantity, readTime } from './scalars.ts'
import { alwaysThere, QUANTITY, zeroMaker } from './zero.ts'

/** Deeper documents are refused before they can exhaust the stack. */
export const DEPTH_MAX = 500

const TIME = /\.(Time|MicroTime)$/

/** Reads a value that stands at a place, onto what a field that stands twice held before; undefined for null, which is absent. */
export type Reader = (value: unknown, place: Place, onto?: unknown) => unknown

const readers = new WeakMap<Schema, Reader>()

/** The reader of a type. Each type is compiled once, when it is first met, and a field's type when the field is. */
export function readerOf(schema: Schema): Reader {
  const node = deref(schema)
  let reader = readers.get(node)
  if (reader === undefined) {
    const some = compile(node)
    reader = (value, place, onto) => (value === null || value === undefined ? undefined : some(value, place, onto))
    readers.set(node, reader)
  }
  return reader
}

/** Of values that are not null. */
function compile(node: Schema): Reader {
  if (node.name === QUANTITY) return readQuantity
  if (node.intOrString) return readIntOrString
  if (node.preserveUnknownFields && node.properties === undefined) return asItIs
  switch (node.type) {
    case 'object':
      return node.properties === undefined ? mapReader(node) : structReader(node, node.properties)
    case 'array':
      return listReader(node)
    case 'string':
      if (node.format === 'byte') return readBytes
      return node.name !== undefined && TIME.test(node.name) ? timeReader(node.name.endsWith('.MicroTime')) : readString
    case 'boolean':
      return readBoolean
    case 'integer': {
      const { format = 'int64' } = node
      return (value, place) => readInteger(value, format, place)
    }
    case 'number':
      return readNumber
    default:
      return asItIs
  }
}

const asItIs: Reader = (value) => value

const readString: Reader = (value, place) => (typeof value === 'string' ? value : place.refuse(value))

const readBoolean: Reader = (value, place) => (typeof value === 'boolean' ? value : place.refuse(value))

const readNumber: Reader = (value, place) => {
  if (typeof value === 'bigint') return Number(value)
  return typeof value === 'number' && Number.isFinite(value) ? value : place.refuse(value)
}

const timeReader =
  (micro: boolean): Reader =>
  (value, place) =>
    readTime(value, micro, place)

interface Field {
  readonly read: Reader
  /** Left out when it is empty. */
  readonly omitsZero: boolean
  /** Neither pointer nor list nor map: a null leaves what it holds. */
  readonly keepsNull: boolean
}

function structReader(node: Schema, properties: Readonly<Record<string, Schema>>): Reader {
  // What an object must say of itself is not made up: its absence is an error of its own.
  const always = alwaysThere(node).filter(({ name }) => !node.required?.includes(name))
  const fields = new Map<string, Field>()
  const others = node.additionalProperties
  const fieldOf = (key: string): Field | undefined => {
    const schema = Object.hasOwn(properties, key) ? properties[key] : others
    if (schema === undefined) return undefined
    const { omitsZero = false, always: isAlways = false } = schema
    const { type, format, properties: parts } = deref(schema)
    const isNullable = type === 'array' || (type === 'object' && parts === undefined) || format === 'byte'
    const keepsNull = (omitsZero || isAlways) && !isNullable
    const field = { read: readerOf(schema), omitsZero, keepsNull }
    // What is no property may be any number of names.
    if (schema !== others) fields.set(key, field)
    return field
  }
  const readPlain = (value: Record<string, unknown>, place: Place): Record<string, unknown> => {
    let result: Record<string, unknown> = place.isTaken ? value : {}
    for (const key in value) {
      const field = fields.get(key) ?? fieldOf(key)
      enter(place, key)
      let read: unknown
      if (field !== undefined) {
        read = field.read(value[key], place)
        if (field.omitsZero && read !== undefined && isZero(read)) read = undefined
      } else if (node.preserveUnknownFields) read = value[key]
      else place.find('unknown field')
      if (read === undefined) {
        if (result === value) result = before(key, value)
      } else if (result !== value || read !== value[key]) setOwn(result, key, read)
      place.path.pop()
    }
    return result
  }
  const readField = (result: Record<string, unknown>, key: string, child: unknown, place: Place): void => {
    const field = fields.get(key) ?? fieldOf(key)
    enter(place, key)
    if (field !== undefined) {
      const read = field.read(child, place)
      if (read !== undefined && !(field.omitsZero && isZero(read))) setOwn(result, key, read)
    } else if (node.preserveUnknownFields) setOwn(result, key, child)
    else place.find('unknown field')
    place.path.pop()
  }
  const readOdd = (value: object, place: Place, onto: unknown): Record<string, unknown> => {
    const result = (onto ?? {}) as Record<string, unknown>
    const seen = new Set<string>()
    for (const [key, child, literal] of place.oddities!.entriesOf(value)) {
      const field = fields.get(key) ?? fieldOf(key)
      place.literal = literal
      if (field !== undefined && seen.has(key)) findAt(place, key)
      if (field !== undefined && (onto !== undefined || seen.has(key))) readOnto(result, key, child, field, place)
      else readField(result, key, child, place)
      seen.add(key)
    }
    return result
  }
  return (value, place, onto) => {
    if (!isObject(value)) return place.refuse(value)
    const result = place.oddities === undefined ? readPlain(value, place) : readOdd(value, place, onto)
    for (let index = 0; index < always.length; index++) {
      const { name, make } = always[index]!
      if (result[name] === undefined) result[name] = make()
    }
    return result
  }
}

/** Go reads a field that stands twice onto what it holds already: structs and maps gather what both say. */
function readOnto(
  result: Record<string, unknown>,
  key: string,
  child: unknown,
  { read, omitsZero, keepsNull }: Field,
  place: Place,
): void {
  enter(place, key)
  if (child !== null || !keepsNull) {
    const again = read(child, place, result[key])
    if (again === undefined || (omitsZero && isZero(again))) delete result[key]
    else setOwn(result, key, again)
  }
  place.path.pop()
}

function mapReader(node: Schema): Reader {
  const item = node.additionalProperties === undefined ? asItIs : itemReader(node.additionalProperties)
  return (value, place, onto) => {
    if (!isObject(value)) return place.refuse(value)
    if (place.oddities !== undefined) return readOddMap(value, place.oddities, item, place, onto)
    let result: Record<string, unknown> = place.isTaken ? value : {}
    for (const key in value) {
      enter(place, key)
      const read = item(value[key], place)
      if (read === undefined) {
        if (result === value) result = before(key, value)
      } else if (result !== value || read !== value[key]) setOwn(result, key, read)
      place.path.pop()
    }
    return result
  }
}

function readOddMap(value: object, oddities: Oddities, item: Reader, place: Place, onto: unknown): Record<string, unknown> {
  const result = (onto ?? {}) as Record<string, unknown>
  const seen = new Set<string>()
  for (const [key, child, literal] of oddities.entriesOf(value)) {
    if (seen.has(key)) findAt(place, key)
    seen.add(key)
    place.literal = literal
    enter(place, key)
    const read = item(child, place)
    if (read !== undefined) setOwn(result, key, read)
    place.path.pop()
  }
  return result
}

function findAt(place: Place, key: string): void {
  enter(place, key)
  place.find('duplicate field')
  place.path.pop()
}

function listReader(node: Schema): Reader {
  const item = itemReader(node.items ?? {})
  return (value, place, onto) => {
    if (!Array.isArray(value)) return place.refuse(value)
    const was = onto as unknown[] | undefined
    const result: unknown[] = place.isTaken ? value : new Array(value.length)
    for (let index = 0; index < value.length; index++) {
      enter(place, index)
      if (place.oddities !== undefined) place.literal = place.oddities.literalOf(value, index)
      const read = item(value[index], place, was?.[index]) ?? null
      if (result !== value || read !== value[index]) result[index] = read
      place.path.pop()
    }
    return result
  }
}

/** An item of a list or a map is there even if it is null: as what it was before, or its type's zero value. */
function itemReader(schema: Schema): Reader {
  const zero = zeroMaker(schema)
  let read: Reader | undefined
  // Found at the first use: types may contain themselves.
  return (value, place, onto) => (read ??= readerOf(schema))(value, place, onto) ?? onto ?? zero()
}

/** What comes before `key`, read and put back already: a copy, since an object from which a key is deleted is slow from then on. */
function before(key: string, value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  for (const each in value) {
    if (each === key) break
    setOwn(copy, each, value[each])
  }
  return copy
}

function enter(place: Place, element: string | number): void {
  if (place.path.push(element) > DEPTH_MAX) throw new StructureError('json: exceeded max depth')
}

/** Whether Go leaves a value out of a field with omitempty; a struct never is. Maps come here, structs do not. */
function isZero(value: unknown): boolean {
  if (value === '' || value === 0 || value === false) return true
  if (typeof value !== 'object') return false
  if (Array.isArray(value)) return value.length === 0
  for (const _ in value as object) return false
  return true
}
