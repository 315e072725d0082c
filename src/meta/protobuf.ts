/**
 * Protocol buffers from field tables: no generated classes, plain JSON-shaped objects on both sides. Coders are built once per message
 * from closures. https://protobuf.dev/programming-guides/encoding/
 */
export interface FieldFact {
  readonly name: string
  readonly number: number
  /** A scalar type of the language, or the name of a message. */
  readonly type: string
  readonly repeated?: boolean
  /** Key and value types of a map. */
  readonly map?: readonly [key: string, value: string]
  /** The fields of this message stand in the parent's JSON object. */
  readonly inline?: boolean
  /** Numbers by constant name. */
  readonly enum?: Readonly<Record<string, number>>
}

export interface Messages {
  /** Throws when there is no such message. */
  fieldsOf(message: string): readonly FieldFact[]
  /** Messages whose JSON form is not an object of their fields (times, quantities ...). */
  readonly special?: Readonly<Record<string, SpecialCoder>>
  /** Whether a decoded field is left out because the JSON form would not have it. */
  omits?(message: string, field: FieldFact, value: unknown): boolean
}

export interface SpecialCoder {
  encode(value: unknown): Uint8Array
  decode(bytes: Uint8Array): unknown
}

/** Bytes that are no message of the expected type. */
export class ProtobufError extends Error {
  override readonly name = 'ProtobufError'
}

const DEPTH_MAX = 100

export class ProtobufCodec {
  readonly #messages: Messages
  readonly #byNumber = new Map<string, ReadonlyMap<number, FieldFact>>()

  constructor(messages: Messages) {
    this.#messages = messages
  }

  encode(message: string, value: object): Uint8Array {
    const writer = new Writer()
    this.#encodeInto(writer, message, value as Record<string, unknown>)
    return writer.finish()
  }

  decode(message: string, bytes: Uint8Array): Record<string, unknown> {
    return this.#decode(message, bytes, 0) as Record<string, unknown>
  }

  #encodeInto(writer: Writer, message: string, value: Record<string, unknown>): void {
    for (const field of this.#messages.fieldsOf(message)) {
      if (field.inline) {
        writer.delimited(field.number, this.encode(field.type, value))
        continue
      }
      const item = value[field.name]
      if (item === undefined || item === null) continue
      if (field.map !== undefined) this.#encodeMap(writer, field, field.map, item as Record<string, unknown>)
      else if (field.repeated) for (const each of item as unknown[]) this.#encodeOne(writer, field, each)
      else this.#encodeOne(writer, field, item)
    }
  }

  #encodeMap(
    writer: Writer,
    field: FieldFact,
    [keyType, valueType]: readonly [string, string],
    map: Record<string, unknown>,
  ): void {
    for (const key of Object.keys(map).sort()) {
      const entry = new Writer()
      this.#encodeOne(entry, { name: 'key', number: 1, type: keyType }, keyType === 'string' ? key : Number(key))
      this.#encodeOne(entry, { name: 'value', number: 2, type: valueType }, map[key])
      writer.delimited(field.number, entry.finish())
    }
  }

  #encodeOne(writer: Writer, field: FieldFact, value: unknown): void {
    const { number, type } = field
    if (field.enum !== undefined)
      writer.varint(number, BigInt(typeof value === 'number' ? value : (field.enum[value as string] ?? 0)))
    else if (INTEGERS.has(type)) writer.varint(number, BigInt(value as number))
    else if (type === 'bool') writer.varint(number, value ? 1n : 0n)
    else if (type === 'string') writer.delimited(number, Buffer.from(value as string))
    else if (type === 'bytes')
      writer.delimited(number, typeof value === 'string' ? Buffer.from(value, 'base64') : (value as Uint8Array))
    else if (type === 'double') writer.double(number, value as number)
    else {
      const special = this.#messages.special?.[type]
      writer.delimited(number, special === undefined ? this.encode(type, value as object) : special.encode(value))
    }
  }

  #decode(message: string, bytes: Uint8Array, depth: number): unknown {
    if (depth > DEPTH_MAX) throw new ProtobufError('messages are nested too deeply')
    const special = this.#messages.special?.[message]
    if (special !== undefined) return special.decode(bytes)
    const fields = this.#fieldsByNumber(message)
    const result: Record<string, unknown> = {}
    const reader = new Reader(bytes)
    while (!reader.atEnd) {
      const { number, wire } = reader.tag()
      const field = fields.get(number)
      if (field === undefined) reader.skip(wire)
      else this.#decodeField(reader, wire, field, result, depth)
    }
    if (this.#messages.omits !== undefined) {
      for (const field of fields.values()) {
        if (Object.hasOwn(result, field.name) && this.#messages.omits(message, field, result[field.name]))
          delete result[field.name]
      }
    }
    return result
  }

  #decodeField(reader: Reader, wire: number, field: FieldFact, result: Record<string, unknown>, depth: number): void {
    const { name, type } = field
    if (field.inline) {
      Object.assign(result, this.#decode(type, reader.bytes(wire), depth + 1))
      return
    }
    if (field.map !== undefined) {
      const map = (result[name] ??= {}) as Record<string, unknown>
      const [key, value] = this.#decodeEntry(field.map, reader.bytes(wire), depth)
      Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true })
      return
    }
    if (!field.repeated) {
      result[name] = this.#decodeOne(reader, wire, field, depth)
      return
    }
    const list = (result[name] ??= []) as unknown[]
    // Numbers may come packed.
    if (wire === 2 && (INTEGERS.has(type) || type === 'bool' || field.enum !== undefined)) {
      const packed = new Reader(reader.bytes(2))
      while (!packed.atEnd) list.push(this.#decodeOne(packed, 0, field, depth))
    } else list.push(this.#decodeOne(reader, wire, field, depth))
  }

  #decodeEntry([keyType, valueType]: readonly [string, string], bytes: Uint8Array, depth: number): [string, unknown] {
    let key = ''
    let value: unknown = valueType === 'string' ? '' : valueType === 'bytes' ? '' : undefined
    const reader = new Reader(bytes)
    while (!reader.atEnd) {
      const { number, wire } = reader.tag()
      if (number === 1) key = String(this.#decodeOne(reader, wire, { name: 'key', number, type: keyType }, depth))
      else if (number === 2) value = this.#decodeOne(reader, wire, { name: 'value', number, type: valueType }, depth)
      else reader.skip(wire)
    }
    return [key, value]
  }

  #decodeOne(reader: Reader, wire: number, field: FieldFact, depth: number): unknown {
    const { type } = field
    if (field.enum !== undefined) {
      const number = Number(reader.varint(wire))
      return Object.keys(field.enum).find((name) => field.enum![name] === number) ?? number
    }
    if (INTEGERS.has(type)) return toInteger(reader.varint(wire), type)
    if (type === 'bool') return reader.varint(wire) !== 0n
    if (type === 'string') return Buffer.from(reader.bytes(wire)).toString()
    if (type === 'bytes') return Buffer.from(reader.bytes(wire)).toString('base64')
    if (type === 'double') return reader.double(wire)
    return this.#decode(type, reader.bytes(wire), depth + 1)
  }

  #fieldsByNumber(message: string): ReadonlyMap<number, FieldFact> {
    let fields = this.#byNumber.get(message)
    if (fields === undefined) {
      fields = new Map(this.#messages.fieldsOf(message).map((field) => [field.number, field]))
      this.#byNumber.set(message, fields)
    }
    return fields
  }
}

const INTEGERS = new Set(['int32', 'int64', 'uint32', 'uint64'])

/** Safe integers as numbers; larger ones keep their nearest double, as JSON readers do. */
function toInteger(value: bigint, type: string): number {
  if (type === 'int32') return Number(BigInt.asIntN(32, value))
  return Number(type === 'int64' ? BigInt.asIntN(64, value) : value)
}

class Writer {
  readonly #chunks: Uint8Array[] = []
  #length = 0

  varint(field: number, value: bigint): void {
    this.#push(Uint8Array.from([...varintBytes(BigInt(field << 3)), ...varintBytes(BigInt.asUintN(64, value))]))
  }

  delimited(field: number, bytes: Uint8Array): void {
    this.#push(Uint8Array.from([...varintBytes(BigInt((field << 3) | 2)), ...varintBytes(BigInt(bytes.length))]))
    this.#push(bytes)
  }

  double(field: number, value: number): void {
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleLE(value)
    this.#push(Uint8Array.from([...varintBytes(BigInt((field << 3) | 1)), ...bytes]))
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#chunks, this.#length)
  }

  #push(bytes: Uint8Array): void {
    this.#chunks.push(bytes)
    this.#length += bytes.length
  }
}

function varintBytes(value: bigint): number[] {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return bytes
}

class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  tag(): { readonly number: number; readonly wire: number } {
    const tag = Number(this.#varint())
    if (tag >>> 3 === 0) throw new ProtobufError('a field has the number 0')
    return { number: tag >>> 3, wire: tag & 7 }
  }

  varint(wire: number): bigint {
    if (wire !== 0) throw new ProtobufError(`wire type ${wire} where a number was expected`)
    return this.#varint()
  }

  bytes(wire: number): Uint8Array {
    if (wire !== 2) throw new ProtobufError(`wire type ${wire} where bytes were expected`)
    const length = Number(this.#varint())
    if (length > this.#bytes.length - this.#at) throw new ProtobufError('a field is longer than its message')
    const bytes = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return bytes
  }

  double(wire: number): number {
    if (wire !== 1 || this.#bytes.length - this.#at < 8) throw new ProtobufError('a double was expected')
    const value = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, 8).getFloat64(0, true)
    this.#at += 8
    return value
  }

  skip(wire: number): void {
    if (wire === 0) this.#varint()
    else if (wire === 1) this.#at += 8
    else if (wire === 2) this.bytes(2)
    else if (wire === 5) this.#at += 4
    else throw new ProtobufError(`unknown wire type ${wire}`)
    if (this.#at > this.#bytes.length) throw new ProtobufError('the message ends in the middle of a field')
  }

  #varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw new ProtobufError('the message ends in the middle of a number')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw new ProtobufError('a number has more than ten bytes')
  }
}
