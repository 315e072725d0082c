import { CODES, ConnectionError } from './errors.ts'
import { type Field, fieldOf, STATIC_FIELDS } from './fields.ts'
import { decodeHuffman } from './huffman.ts'

/** What a peer may keep here, unless told otherwise: nobody is (RFC 7541, 4.2; RFC 9113, 6.5.2). */
export const TABLE_BYTES_MAX = 4_096
/** A field counts 32 bytes at least. A power of two. */
const ENTRIES_MAX = TABLE_BYTES_MAX / 32
/** Of integers; more than any length or index can be. */
const INTEGER_MAX = 2 ** 28

/** What fields of one head may be in all; what is beyond is decoded, since those that follow refer to it, and not kept. */
export interface HeadLimits {
  readonly bytes: number
  readonly fields: number
}

export interface DecodedHead {
  readonly fields: Field[]
  readonly isTooLarge: boolean
}

const broken = (why: string): ConnectionError => new ConnectionError(CODES.compression, why)

/** Reads the heads of one connection, in the order in which they came (RFC 7541). Throws a {@link ConnectionError} for what is none; it is of no use afterwards. */
export class HeaderDecoder {
  readonly #limits: HeadLimits
  /** Fields by the order in which they were added, the last of which is `#added - 1`, in a ring. */
  readonly #table: Field[] = []
  #added = 0
  #count = 0
  #bytes = 0
  #bytesMax = TABLE_BYTES_MAX
  #block: Buffer = Buffer.alloc(0)
  #at = 0

  constructor(limits: HeadLimits) {
    this.#limits = limits
  }

  decode(block: Buffer): DecodedHead {
    this.#block = block
    this.#at = 0
    const fields: Field[] = []
    let [bytes, isTooLarge] = [0, false]
    let mayResize = true
    while (this.#at < block.length) {
      const first = block[this.#at]!
      if ((first & 0xe0) === 0x20) {
        if (!mayResize) throw broken('a change of the table within a head')
        this.#resize(this.#integer(0x1f))
        continue
      }
      mayResize = false
      const field = (first & 0x80) === 0 ? this.#literal(first) : this.#find(this.#integer(0x7f))
      bytes += field.bytes
      if (bytes > this.#limits.bytes || fields.length === this.#limits.fields) isTooLarge = true
      else fields.push(field)
    }
    return { fields, isTooLarge }
  }

  #literal(first: number): Field {
    const isKept = (first & 0x40) !== 0
    const index = this.#integer(isKept ? 0x3f : 0x0f)
    const name = index === 0 ? this.#string() : this.#find(index).name
    const field = fieldOf(name, this.#string())
    if (isKept) this.#add(field)
    return field
  }

  #find(index: number): Field {
    if (index === 0) throw broken('a field without an index')
    if (index <= STATIC_FIELDS.length) return STATIC_FIELDS[index - 1]!
    const back = index - STATIC_FIELDS.length
    if (back > this.#count) throw broken('a field that is in no table')
    return this.#table[(this.#added - back) % ENTRIES_MAX]!
  }

  #add(field: Field): void {
    this.#evict(this.#bytesMax - field.bytes)
    // One that is larger than the table leaves it empty, which is no error.
    if (field.bytes > this.#bytesMax) return
    this.#table[this.#added++ % ENTRIES_MAX] = field
    this.#count++
    this.#bytes += field.bytes
  }

  #resize(bytesMax: number): void {
    if (bytesMax > TABLE_BYTES_MAX) throw broken('a table that is larger than it may be')
    this.#bytesMax = bytesMax
    this.#evict(bytesMax)
  }

  #evict(bytesMax: number): void {
    while (this.#bytes > bytesMax && this.#count > 0) {
      this.#bytes -= this.#table[(this.#added - this.#count) % ENTRIES_MAX]!.bytes
      this.#count--
    }
  }

  #integer(mask: number): number {
    let value = this.#next() & mask
    if (value < mask) return value
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.#next()
      value += (byte & 0x7f) * factor
      if (value > INTEGER_MAX || factor > INTEGER_MAX) throw broken('an integer beyond all bounds')
      if (byte < 0x80) return value
    }
  }

  #string(): string {
    const isHuffman = (this.#block[this.#at] ?? 0) >= 0x80
    const length = this.#integer(0x7f)
    const from = this.#at
    const to = from + length
    if (to > this.#block.length) throw broken('a string that goes beyond its head')
    this.#at = to
    if (!isHuffman) return this.#block.toString('latin1', from, to)
    const text = decodeHuffman(this.#block, from, to)
    if (text === undefined) throw broken('a string that is none')
    return text
  }

  #next(): number {
    const byte = this.#block[this.#at++]
    if (byte === undefined) throw broken('a head that ends within a field')
    return byte
  }
}
