import { setOwn } from '#base'
import { DEPTH_MAX } from '../structure/index.ts'
import { ProtobufError, Reader } from './reader.ts'
import { Writer } from './writer.ts'

/** A field of a message; what it is called in JSON, and how it is written. */
export interface FieldFact {
  readonly name: string
  readonly number: number
  /** A scalar type of the language, or the name of a message. `bigint` is a uint64 that is read exactly. */
  readonly type: string
  readonly repeated?: boolean
  /** What upstream's decoder calls it in errors; by default its name with a capital. */
  readonly goName?: string
  /** Key and value types of a map. */
  readonly map?: readonly [key: string, value: string]
  /** The fields of this message stand in the parent's JSON object. */
  readonly inline?: boolean
  /** Numbers by constant name. */
  readonly enum?: Readonly<Record<string, number>>
  /** Written even when the object does not have it, as its zero value. Of what repeats: an empty list in JSON, as nothing stands for one on the wire. */
  readonly always?: boolean
  /** Left out of the JSON form when it is a scalar's zero value; a message never is. */
  readonly omitsZero?: boolean
}

export interface Messages {
  /** Throws when there is no such message. */
  fieldsOf(message: string): readonly FieldFact[]
  /** Messages whose JSON form is not an object of their fields (times, quantities ...). */
  special?(message: string, codec: ProtobufCodec): SpecialCoder | undefined
}

/** Codes the content of one message, without its tag and length. */
export interface SpecialCoder {
  /** Writes a value, or the zero value when it is absent. */
  write(writer: Writer, value: unknown): void
  /** Reads up to `end`, which is the position afterwards; undefined leaves the field out. */
  read(reader: Reader, end: number, depth: number): unknown
}

type Write = (writer: Writer, value: unknown) => void
type WriteField = (writer: Writer, object: Record<string, unknown>) => void
type Read = (reader: Reader, end: number, depth: number, into: unknown) => unknown
type ReadScalar = (reader: Reader, end: number) => unknown
type ReadField = (reader: Reader, wire: number, end: number, depth: number, object: Record<string, unknown>) => void

/**
 * Protocol buffers from field tables: no generated classes, plain JSON-shaped objects on both sides. Each message is compiled once, when it is first
 * met, into closures that read and write its fields in order of their numbers.
 */
export class ProtobufCodec {
  readonly #messages: Messages
  readonly #writers = new Map<string, Write>()
  readonly #readers = new Map<string, Read>()
  readonly #specials = new Map<string, SpecialCoder | undefined>()
  readonly #writer = new Writer()

  constructor(messages: Messages) {
    this.#messages = messages
  }

  encode(message: string, value: object): Buffer {
    try {
      this.writerOf(message)(this.#writer, value)
      return this.#writer.finish()
    } finally {
      this.#writer.reset()
    }
  }

  decode(message: string, bytes: Uint8Array): Record<string, unknown> {
    const reader = new Reader(bytes)
    return this.readerOf(message)(reader, reader.length, 0, undefined) as Record<string, unknown>
  }

  /** Writes a message by its fields, also when it is special. */
  writerOf(message: string): Write {
    let write = this.#writers.get(message)
    if (write === undefined) {
      write = this.#compileWriter(message)
      this.#writers.set(message, write)
    }
    return write
  }

  /** Reads a message by its fields, also when it is special; into an object if one is given. */
  readerOf(message: string): Read {
    let read = this.#readers.get(message)
    if (read === undefined) {
      read = this.#compileReader(message)
      this.#readers.set(message, read)
    }
    return read
  }

  #specialOf(message: string): SpecialCoder | undefined {
    if (!this.#specials.has(message)) this.#specials.set(message, this.#messages.special?.(message, this))
    return this.#specials.get(message)
  }

  #compileWriter(message: string): Write {
    const fields = [...this.#messages.fieldsOf(message)].sort((a, b) => b.number - a.number)
    const writers = fields.map((field) => this.#fieldWriter(field))
    return (writer, value) => {
      const object = (value ?? EMPTY) as Record<string, unknown>
      for (let index = 0; index < writers.length; index++) writers[index]!(writer, object)
    }
  }

  #fieldWriter(field: FieldFact): WriteField {
    const { name, always = false, inline = false } = field
    if (field.map !== undefined) return this.#mapWriter(field, field.map)
    const write = this.#taggedWriter(field)
    if (inline) return write
    if (field.repeated) {
      return (writer, object) => {
        const items = object[name] as readonly unknown[] | undefined | null
        if (items === undefined || items === null) return
        for (let index = items.length - 1; index >= 0; index--) write(writer, items[index])
      }
    }
    return (writer, object) => {
      const value = object[name]
      if (always || (value !== undefined && value !== null)) write(writer, value)
    }
  }

  #mapWriter(field: FieldFact, [keyType, valueType]: readonly [string, string]): WriteField {
    const { name, number } = field
    const writeKey = this.#taggedWriter({ name: 'key', number: 1, type: keyType })
    const writeValue = this.#taggedWriter({ name: 'value', number: 2, type: valueType })
    const tag = (number << 3) | 2
    return (writer, object) => {
      const map = object[name] as Record<string, unknown> | undefined | null
      if (map === undefined || map === null) return
      const keys = sortedKeys(map)
      for (let index = keys.length - 1; index >= 0; index--) {
        const key = keys[index]!
        const value = map[key]
        const before = writer.size
        if (valueType !== 'bytes' || (value !== null && value !== undefined)) writeValue(writer, value)
        writeKey(writer, keyType === 'string' ? key : Number(key))
        writer.length(writer.size - before)
        writer.length(tag)
      }
    }
  }

  /** Writes one value with its tag; an absent one as the zero value. */
  #taggedWriter({ number, type, enum: constants }: FieldFact): Write {
    const varintTag = number << 3
    const bytesTag = varintTag | 2
    if (constants !== undefined) {
      return (writer, value) => {
        writer.integer(typeof value === 'number' ? value : (constants[value as string] ?? 0))
        writer.length(varintTag)
      }
    }
    if (INTEGERS.has(type)) {
      return (writer, value) => {
        writer.integer((value ?? 0) as number | bigint)
        writer.length(varintTag)
      }
    }
    switch (type) {
      case 'bool':
        return (writer, value) => {
          writer.byte(value ? 1 : 0)
          writer.length(varintTag)
        }
      case 'string':
        return (writer, value) => {
          writer.string((value ?? '') as string)
          writer.length(bytesTag)
        }
      case 'bytes':
        return (writer, value) => {
          const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : ((value ?? NO_BYTES) as Uint8Array)
          writer.bytes(bytes)
          writer.length(bytes.length)
          writer.length(bytesTag)
        }
      case 'double':
        return (writer, value) => {
          writer.double((value ?? 0) as number)
          writer.length(varintTag | 1)
        }
      default:
        return this.#messageWriter(type, bytesTag)
    }
  }

  #messageWriter(type: string, tag: number): Write {
    // Found at the first use: messages may contain themselves.
    let content: Write | undefined
    let zero: Uint8Array | undefined
    const find = (): Write => {
      const special = this.#specialOf(type)
      return special === undefined ? this.writerOf(type) : (writer, value) => special.write(writer, value)
    }
    const whole: Write = (writer, value) => {
      content ??= find()
      const before = writer.size
      content(writer, value)
      writer.length(writer.size - before)
      writer.length(tag)
    }
    return (writer, value) => {
      if (value !== undefined) {
        whole(writer, value)
        return
      }
      if (zero === undefined) {
        const own = new Writer()
        whole(own, undefined)
        zero = own.finish()
      }
      writer.bytes(zero)
    }
  }

  #compileReader(message: string): Read {
    const own = message.slice(message.lastIndexOf('.') + 1)
    const fields: ReadField[] = []
    const lists: string[] = []
    for (const field of this.#messages.fieldsOf(message)) {
      fields[field.number] = this.#fieldReader(field)
      if (field.repeated && field.always) lists.push(field.name)
    }
    return (reader, end, depth, into) => {
      if (depth > DEPTH_MAX) throw new ProtobufError('messages are nested too deeply')
      const object = (into ?? {}) as Record<string, unknown>
      while (reader.at < end) {
        const start = reader.at
        const tag = reader.tag(end, own)
        const field = fields[tag >>> 3]
        if (field === undefined) reader.skip(start, end)
        else field(reader, tag & 7, end, depth, object)
      }
      for (const list of lists) object[list] ??= []
      return object
    }
  }

  #fieldReader(field: FieldFact): ReadField {
    const { name, type, repeated, inline, omitsZero = false } = field
    const called = field.goName ?? name.charAt(0).toUpperCase() + name.slice(1)
    if (field.map !== undefined) return this.#mapReader(field, field.map, called)
    if (isScalar(field)) {
      const read = this.#scalarReader(field)
      const expected = wireTypeOf(field)
      if (repeated) return repeatedReader(name, called, read, expected)
      return (reader, wire, end, _depth, object) => {
        if (wire !== expected) throw wrongWireType(wire, called)
        const value = read(reader, end)
        if (omitsZero && (value === '' || value === 0 || value === false)) delete object[name]
        else object[name] = value
      }
    }
    const read = this.#messageReader(type)
    if (inline) {
      return (reader, wire, end, depth, object) => {
        if (wire !== DELIMITED) throw wrongWireType(wire, called)
        read(reader, reader.delimited(end), depth + 1, object)
      }
    }
    if (repeated) {
      return (reader, wire, end, depth, object) => {
        if (wire !== DELIMITED) throw wrongWireType(wire, called)
        const list = (object[name] ??= []) as unknown[]
        list.push(read(reader, reader.delimited(end), depth + 1, undefined))
      }
    }
    return (reader, wire, end, depth, object) => {
      if (wire !== DELIMITED) throw wrongWireType(wire, called)
      // A message that comes twice is merged.
      const value = read(reader, reader.delimited(end), depth + 1, object[name])
      if (value === undefined || value === null) delete object[name]
      else object[name] = value
    }
  }

  /** Upstream looks at no wire type inside an entry, and lets its parts end where the message does. */
  #mapReader({ name }: FieldFact, [keyType, valueType]: readonly [string, string], called: string): ReadField {
    const value = { name: 'value', number: 2, type: valueType }
    const readKey = this.#scalarReader({ name: 'key', number: 1, type: keyType })
    const readScalar = isScalar(value) ? this.#scalarReader(value) : undefined
    const readMessage = readScalar === undefined ? this.#messageReader(valueType) : undefined
    const zero = SCALAR_ZEROS[valueType]
    return (reader, wire, end, depth, object) => {
      if (wire !== DELIMITED) throw wrongWireType(wire, called)
      const last = reader.delimited(end)
      let found: unknown = ''
      let item: unknown = zero
      while (reader.at < last) {
        const start = reader.at
        const number = reader.entryNumber(end)
        if (number === 1) found = readKey(reader, end)
        else if (number !== 2) reader.skip(start, last)
        else if (readScalar !== undefined) item = readScalar(reader, end)
        else item = readMessage!(reader, reader.delimited(end), depth + 1, undefined)
      }
      // A message of no bytes is all its zero values.
      if (item === undefined && readMessage !== undefined) item = readMessage(reader, reader.at, depth + 1, undefined)
      reader.at = last
      setOwn((object[name] ??= {}) as Record<string, unknown>, String(found), item)
    }
  }

  #scalarReader({ type, enum: constants }: FieldFact): ReadScalar {
    if (constants !== undefined) {
      const names = new Map(Object.entries(constants).map(([name, number]) => [number, name]))
      return (reader, end) => {
        const number = reader.integer(end, true)
        return names.get(number) ?? number
      }
    }
    switch (type) {
      case 'int32':
        return (reader, end) => reader.int32(end)
      case 'uint32':
        return (reader, end) => reader.int32(end) >>> 0
      case 'int64':
        return (reader, end) => reader.integer(end, true)
      case 'uint64':
        return (reader, end) => reader.integer(end, false)
      case 'bigint':
        return (reader, end) => reader.exact(end)
      case 'bool':
        return (reader, end) => reader.bool(end)
      case 'string':
        return (reader, end) => reader.text(reader.delimited(end))
      case 'bytes':
        return (reader, end) => reader.base64(reader.delimited(end))
      default:
        return (reader, end) => reader.double(end)
    }
  }

  #messageReader(type: string): Read {
    let content: Read | undefined
    const find = (): Read => {
      const special = this.#specialOf(type)
      return special === undefined ? this.readerOf(type) : (reader, end, depth) => special.read(reader, end, depth)
    }
    return (reader, end, depth, into) => (content ??= find())(reader, end, depth, into)
  }
}

const EMPTY: Readonly<Record<string, unknown>> = {}
const NO_BYTES = new Uint8Array(0)
const INTEGERS = new Set(['int32', 'int64', 'uint32', 'uint64', 'bigint'])
const SCALARS = new Set([...INTEGERS, 'bool', 'string', 'bytes', 'double'])

const [VARINT, FIXED64, DELIMITED] = [0, 1, 2]

const wireTypeOf = (field: FieldFact): number =>
  isNumber(field) ? VARINT : field.type === 'string' || field.type === 'bytes' ? DELIMITED : FIXED64

const SCALAR_ZEROS: Readonly<Record<string, unknown>> = {
  string: '',
  bytes: '',
  int32: 0,
  int64: 0,
  uint32: 0,
  uint64: 0,
  bool: false,
}

const wrongWireType = (wire: number, field: string): ProtobufError =>
  new ProtobufError(`proto: wrong wireType = ${wire} for field ${field}`)

/** Numbers may come packed into one field. */
function repeatedReader(name: string, called: string, read: ReadScalar, expected: number): ReadField {
  return (reader, wire, end, _depth, object) => {
    if (wire !== expected && !(wire === DELIMITED && expected === VARINT)) throw wrongWireType(wire, called)
    const list = (object[name] ??= []) as unknown[]
    if (wire === expected) list.push(read(reader, end))
    else for (const last = reader.delimited(end); reader.at < last; ) list.push(read(reader, end))
  }
}

const isScalar = ({ type, enum: constants }: FieldFact): boolean => constants !== undefined || SCALARS.has(type)
const isNumber = ({ type, enum: constants }: FieldFact): boolean =>
  constants !== undefined || INTEGERS.has(type) || type === 'bool'

/** In order of their UTF-8, which is that of UTF-16 for all but surrogates. */
function sortedKeys(map: Record<string, unknown>): string[] {
  const keys = Object.keys(map)
  if (keys.length < 2) return keys
  return keys.some((key) => SURROGATES.test(key))
    ? keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    : keys.sort()
}

const SURROGATES = /[\ud800-\udfff]/
