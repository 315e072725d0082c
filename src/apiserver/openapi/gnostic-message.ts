import { gnosticYaml } from './gnostic-yaml.ts'
import type { Json } from './schema-json.ts'

/** Extensions travel as YAML text. */
export function vendorExtensions(out: Message, field: number, json: Json): void {
  for (const [key, value] of Object.entries(json)) {
    if (!key.startsWith('x-')) continue
    out.message(field, (named) => named.string(1, key).message(2, (any) => yamlText(any, value)))
  }
}

/** Values of any type, as an enum has them. */
export function anyValues(out: Message, field: number, values: unknown): void {
  for (const value of (values ?? []) as unknown[]) out.message(field, (any) => yamlText(any, value))
}

export const yamlText = (any: Message, value: unknown): Message => any.string(2, gnosticYaml(value))

/** What bounds a value; the messages of both versions have the same fields for it, from `first` on. */
export function limits(out: Message, first: number, json: Json): void {
  const double = (at: number, name: string): unknown => out.number(first + at, json[name])
  const integer = (at: number, name: string): unknown => out.integer(first + at, json[name])
  double(0, 'multipleOf')
  double(1, 'maximum')
  out.bool(first + 2, json['exclusiveMaximum'])
  double(3, 'minimum')
  out.bool(first + 4, json['exclusiveMinimum'])
  integer(5, 'maxLength')
  integer(6, 'minLength')
  out.string(first + 7, json['pattern'])
  integer(8, 'maxItems')
  integer(9, 'minItems')
  out.bool(first + 10, json['uniqueItems'])
  integer(11, 'maxProperties')
  integer(12, 'minProperties')
}

export function externalDocs(out: Message, field: number, json: Json): void {
  const docs = json['externalDocs'] as Json | undefined
  if (docs !== undefined) out.message(field, (message) => message.string(1, docs['description']).string(2, docs['url']))
}

export const entries = (value: unknown): [string, Json][] => Object.entries((value ?? {}) as Record<string, Json>)
export const list = (value: unknown): Json[] => (value ?? []) as Json[]

/** A protobuf message under construction (proto3: empty scalars are left out). */
export class Message {
  readonly #chunks: Uint8Array[] = []
  #length = 0

  string(field: number, value: unknown): this {
    if (typeof value === 'string' && value !== '') this.#delimited(field, Buffer.from(value))
    return this
  }

  strings(field: number, values: unknown): this {
    for (const value of (values ?? []) as string[]) this.#delimited(field, Buffer.from(value))
    return this
  }

  bool(field: number, value: unknown): this {
    if (value === true) this.#push(Uint8Array.from([...varint(field << 3), 1]))
    return this
  }

  /** Also when it is false: a member of a choice. */
  choice(field: number, value: boolean): this {
    this.#push(Uint8Array.from([...varint(field << 3), value ? 1 : 0]))
    return this
  }

  /** A whole number, which may be negative. */
  integer(field: number, value: unknown): this {
    if (isNumber(value) && value !== 0) this.#push(Uint8Array.from([...varint(field << 3), ...varint(value)]))
    return this
  }

  number(field: number, value: unknown): this {
    return isNumber(value) && value !== 0 ? this.double(field, Number(value)) : this
  }

  /** Also when it is 0: a member of a choice. */
  double(field: number, value: number): this {
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleLE(value)
    this.#push(Uint8Array.from([...varint((field << 3) | 1), ...bytes]))
    return this
  }

  message(field: number, fill: (message: Message) => void): this {
    const inner = new Message()
    fill(inner)
    this.#push(Uint8Array.from([...varint((field << 3) | 2), ...varint(inner.#length)]))
    for (const chunk of inner.#chunks) this.#push(chunk)
    return this
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#chunks, this.#length)
  }

  #delimited(field: number, bytes: Uint8Array): void {
    this.#push(Uint8Array.from([...varint((field << 3) | 2), ...varint(bytes.length)]))
    this.#push(bytes)
  }

  #push(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
  }
}

/** Also one that is too long for a number. */
export const isNumber = (value: unknown): value is number | bigint => typeof value === 'number' || typeof value === 'bigint'

function varint(value: number | bigint): number[] {
  const bytes: number[] = []
  // Twos' complement of 64 bits.
  if (value < 0 || value > 0xffff_ffff) return bigVarint(BigInt.asUintN(64, BigInt(value)))
  let rest = Number(value)
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  bytes.push(rest)
  return bytes
}

function bigVarint(value: bigint): number[] {
  const low = Number(value & 0x7fn)
  return value > 0x7fn ? [low | 0x80, ...bigVarint(value >> 7n)] : [low]
}
