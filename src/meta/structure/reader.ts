import { setOwn } from '#base'
import { isObject } from '../merge-patch.ts'
import { deref, type Schema } from '../schema.ts'
import { goType, mismatch, type Place, StructureError, typeName } from './error.ts'
import { readInteger, readIntOrString, readQuantity, readTime } from './scalars.ts'
import { alwaysThere, QUANTITY, zeroMaker } from './zero.ts'

/** Deeper documents are refused before they can exhaust the stack. */
export const DEPTH_MAX = 500

const TIME = /\.(Time|MicroTime)$/

/** Reads a value that stands at a place; undefined for null, which is absent. */
export type Reader = (value: unknown, place: Place) => unknown

const readers = new WeakMap<Schema, Reader>()

/** The reader of a type. Each type is compiled once, when it is first met, and a field's type when the field is. */
export function readerOf(schema: Schema): Reader {
  const node = deref(schema)
  let reader = readers.get(node)
  if (reader === undefined) {
    const some = compile(node)
    reader = (value, place) => (value === null || value === undefined ? undefined : some(value, place))
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

const readString: Reader = (value, place) => {
  if (typeof value !== 'string') throw mismatch(value, place, 'string')
  return value
}

const readBoolean: Reader = (value, place) => {
  if (typeof value !== 'boolean') throw mismatch(value, place, 'bool')
  return value
}

const readNumber: Reader = (value, place) => {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'number') throw mismatch(value, place, 'float64')
  return value
}

const timeReader =
  (micro: boolean): Reader =>
  (value, place) => {
    if (typeof value !== 'string') throw mismatch(value, place, 'string')
    return readTime(value, micro)
  }

interface Field {
  readonly read: Reader
  /** Left out when it is empty. */
  readonly omitsZero: boolean
}

function structReader(node: Schema, properties: Readonly<Record<string, Schema>>): Reader {
  const own = typeName(node)
  // What an object must say of itself is not made up: its absence is an error of its own.
  const always = alwaysThere(node).filter(({ name }) => !node.required?.includes(name))
  const fields = new Map<string, Field>()
  const others = node.additionalProperties
  const fieldOf = (key: string): Field | undefined => {
    const schema = Object.hasOwn(properties, key) ? properties[key] : others
    if (schema === undefined) return undefined
    const field = { read: readerOf(schema), omitsZero: schema.omitsZero === true }
    // What is no property may be any number of names.
    if (schema !== others) fields.set(key, field)
    return field
  }
  return (value, place) => {
    const { owner } = place
    if (!isObject(value)) throw mismatch(value, place, own === '' ? owner : own)
    if (own !== '') place.owner = own
    let result: Record<string, unknown> = place.isTaken ? value : {}
    for (const key in value) {
      const field = fields.get(key) ?? fieldOf(key)
      enter(place, key)
      let read: unknown
      if (field !== undefined) {
        read = field.read(value[key], place)
        if (field.omitsZero && read !== undefined && isZero(read)) read = undefined
      } else if (node.preserveUnknownFields) read = value[key]
      else place.unknown.push(place.print())
      if (read === undefined) {
        if (result === value) result = before(key, value)
      } else if (result !== value || read !== value[key]) setOwn(result, key, read)
      place.path.pop()
    }
    for (let index = 0; index < always.length; index++) {
      const { name, make } = always[index]!
      if (result[name] === undefined) result[name] = make()
    }
    place.owner = owner
    return result
  }
}

function mapReader(node: Schema): Reader {
  const { additionalProperties } = node
  const own = typeName(node)
  if (additionalProperties === undefined) {
    return (value, place) => {
      if (!isObject(value)) throw mismatch(value, place, 'map[string]string')
      return place.isTaken ? value : { ...value }
    }
  }
  const item = itemReader(additionalProperties)
  return (value, place) => {
    const { owner } = place
    if (!isObject(value)) throw mismatch(value, place, 'map[string]string')
    if (own !== '') place.owner = own
    let result: Record<string, unknown> = place.isTaken ? value : {}
    for (const key in value) {
      enter(place, key)
      const read = item(value[key], place)
      if (read === undefined) {
        if (result === value) result = before(key, value)
      } else if (result !== value || read !== value[key]) setOwn(result, key, read)
      place.path.pop()
    }
    place.owner = owner
    return result
  }
}

function listReader(node: Schema): Reader {
  const items = node.items ?? {}
  const type = `[]${goType(node.items)}`
  const item = itemReader(items)
  return (value, place) => {
    if (!Array.isArray(value)) throw mismatch(value, place, type)
    const result: unknown[] = place.isTaken ? value : new Array(value.length)
    for (let index = 0; index < value.length; index++) {
      enter(place, index)
      const read = item(value[index], place) ?? null
      if (result !== value || read !== value[index]) result[index] = read
      place.path.pop()
    }
    return result
  }
}

/** An item of a list or a map is there even if it is null: as its type's zero value. */
function itemReader(schema: Schema): Reader {
  const zero = zeroMaker(schema)
  let read: Reader | undefined
  // Found at the first use: types may contain themselves.
  return (value, place) => (read ??= readerOf(schema))(value, place) ?? zero()
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
