import type { Json } from './schema-json.ts'

/** Extensions travel as YAML text, of which JSON is a part. */
export function vendorExtensions(out: Message, field: number, json: Json): void {
  for (const [key, value] of Object.entries(json)) {
    if (!key.startsWith('x-')) continue
    out.message(field, (named) => named.string(1, key).message(2, (any) => yaml(any, value)))
  }
}

/** Values of any type, as an enum has them. */
export function anyValues(out: Message, field: number, values: unknown): void {
  for (const value of (values ?? []) as unknown[]) out.message(field, (any) => yaml(any, value))
}

const yaml = (any: Message, value: unknown): Message => any.string(2, `${JSON.stringify(value)}\n`)

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

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value >>> 0
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  bytes.push(rest)
  return bytes
}
