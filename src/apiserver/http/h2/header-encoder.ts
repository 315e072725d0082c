import type { ResponseHeaders } from '../sink.ts'
import { STATIC_FIELDS } from './fields.ts'

const TABLE_BYTES_MAX = 4_096
const FIELD_BYTES = 32
/** Longer values would leave nothing else in the table. */
const KEPT_CHARACTERS_MAX = 512

/** Of what differs from answer to answer nothing is kept, or nothing of others would be. */
const PASSING = new Set([
  'audit-id',
  'content-length',
  'etag',
  'location',
  'warning',
  'last-modified',
  'retry-after',
  'x-request-id',
])
/** No intermediary may keep these either. */
const SECRET = new Set(['set-cookie', 'authorization'])

const NAME_INDEX = new Map<string, number>()
const STATUS_INDEX = new Map<number, number>()
for (const [at, { name, value }] of STATIC_FIELDS.entries()) {
  if (!NAME_INDEX.has(name)) NAME_INDEX.set(name, at + 1)
  if (name === ':status') STATUS_INDEX.set(Number(value), at + 1)
}
const CONTENT_LENGTH_INDEX = NAME_INDEX.get('content-length')!
const DATE_INDEX = NAME_INDEX.get('date')!

const [INDEXED, KEPT, NOT_KEPT, NEVER_KEPT, RESIZE] = [0x80, 0x40, 0x00, 0x10, 0x20]
const [INDEXED_MASK, KEPT_MASK, NOT_KEPT_MASK, RESIZE_MASK] = [0x7f, 0x3f, 0x0f, 0x1f]

/** A value that would end its line in HTTP/1.1, where others may pass it on. */
const BREAKS = /[\0\r\n]/g

/** What one field may take at most beside its characters: two lengths and an index. */
const FIELD_OVERHEAD_BYTES = 16

let scratch = Buffer.allocUnsafeSlow(4_096)

interface Kept {
  readonly name: string
  readonly value: string
  readonly bytes: number
}

/**
 * Writes the heads of one connection's answers. Fields that answers have in common are sent once and referred to by a byte afterwards. Strings go out as they are: what Huffman's code
 * would save of the little that is left costs more than sending it.
 */
export class HeaderEncoder {
  /** Of what is kept, by name and value: the how manieth it was. */
  readonly #places = new Map<string, Map<string, number>>()
  /** From the oldest on. */
  readonly #kept: Kept[] = []
  #added = 0
  #bytes = 0
  #bytesMax = TABLE_BYTES_MAX
  /** The least that the table was to be since the last head. */
  #resizedTo: number | undefined

  /** The client's SETTINGS_HEADER_TABLE_SIZE. */
  resize(bytesMax: number): void {
    const size = Math.min(bytesMax, TABLE_BYTES_MAX)
    if (size === this.#bytesMax && this.#resizedTo === undefined) return
    this.#resizedTo = Math.min(size, this.#resizedTo ?? size)
    this.#bytesMax = size
    this.#evict(this.#resizedTo)
  }

  /** The block of a head; good until the next one is made. `connection` is left out, which HTTP/2 has no use for. */
  encode(status: number, headers: ResponseHeaders, length: number | undefined, date: string | undefined): Buffer {
    let at = this.#begin(status)
    if (date !== undefined && headers['date'] === undefined)
      at = this.#literal(at, NOT_KEPT, NOT_KEPT_MASK, DATE_INDEX, 'date', date)
    for (const name in headers) {
      if (name === 'connection') continue
      const value = headers[name]!
      if (typeof value === 'string') at = this.#field(at, name, value)
      else for (const each of value) at = this.#field(at, name, each)
    }
    if (length !== undefined)
      at = this.#literal(at, NOT_KEPT, NOT_KEPT_MASK, CONTENT_LENGTH_INDEX, 'content-length', String(length))
    return scratch.subarray(0, at)
  }

  #begin(status: number): number {
    let at = 0
    if (this.#resizedTo !== undefined) {
      if (this.#resizedTo < this.#bytesMax) at = integer(at, RESIZE, RESIZE_MASK, this.#resizedTo)
      at = integer(at, RESIZE, RESIZE_MASK, this.#bytesMax)
      this.#resizedTo = undefined
    }
    const index = STATUS_INDEX.get(status)
    if (index !== undefined) return integer(at, INDEXED, INDEXED_MASK, index)
    return this.#literal(at, NOT_KEPT, NOT_KEPT_MASK, NAME_INDEX.get(':status')!, ':status', String(status))
  }

  #field(at: number, name: string, value: string): number {
    const place = this.#places.get(name)?.get(value)
    if (place !== undefined) return integer(at, INDEXED, INDEXED_MASK, STATIC_FIELDS.length + this.#added - place)
    const index = NAME_INDEX.get(name) ?? 0
    const clean = value.replace(BREAKS, ' ')
    if (SECRET.has(name)) return this.#literal(at, NEVER_KEPT, NOT_KEPT_MASK, index, name, clean)
    const bytes = name.length + value.length + FIELD_BYTES
    if (PASSING.has(name) || value.length > KEPT_CHARACTERS_MAX || bytes > this.#bytesMax || clean !== value)
      return this.#literal(at, NOT_KEPT, NOT_KEPT_MASK, index, name, clean)
    const after = this.#literal(at, KEPT, KEPT_MASK, index, name, value)
    this.#keep({ name, value, bytes })
    return after
  }

  #keep(kept: Kept): void {
    this.#evict(this.#bytesMax - kept.bytes)
    this.#kept.push(kept)
    this.#bytes += kept.bytes
    const values = this.#places.get(kept.name) ?? new Map<string, number>()
    this.#places.set(kept.name, values.set(kept.value, this.#added++))
  }

  #evict(bytesMax: number): void {
    while (this.#bytes > bytesMax) {
      const { name, value, bytes } = this.#kept.shift()!
      this.#bytes -= bytes
      const values = this.#places.get(name)!
      values.delete(value)
      if (values.size === 0) this.#places.delete(name)
    }
  }

  #literal(at: number, pattern: number, mask: number, index: number, name: string, value: string): number {
    ensure(at, name.length + value.length + FIELD_OVERHEAD_BYTES)
    let end = integer(at, pattern, mask, index)
    if (index === 0) end = text(end, name.toLowerCase())
    return text(end, value)
  }
}

function ensure(at: number, more: number): void {
  if (at + more <= scratch.length) return
  const larger = Buffer.allocUnsafeSlow(2 * (at + more))
  scratch.copy(larger, 0, 0, at)
  scratch = larger
}

function integer(at: number, pattern: number, mask: number, value: number): number {
  ensure(at, FIELD_OVERHEAD_BYTES)
  if (value < mask) {
    scratch[at] = pattern | value
    return at + 1
  }
  scratch[at++] = pattern | mask
  let rest = value - mask
  for (; rest >= 0x80; rest >>= 7) scratch[at++] = 0x80 | (rest & 0x7f)
  scratch[at++] = rest
  return at
}

function text(at: number, value: string): number {
  const from = integer(at, 0, INDEXED_MASK, value.length)
  return from + scratch.write(value, from, 'latin1')
}
