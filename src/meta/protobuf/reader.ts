import { isUtf8 } from 'node:buffer'

/** Bytes that are no message of the expected type, in the words of upstream's decoders. */
export class ProtobufError extends Error {
  override readonly name = 'ProtobufError'
}

/** Strings up to here are read by a loop when they are ASCII, which beats the call into the runtime. */
const SHORT_BYTES_MAX = 24

/** Numbers above are held by no field; what reads them goes by the wire type alone. */
const NUMBER_MAX = 2 ** 28 - 1

/**
 * A cursor over the bytes of a message. Nested messages are read in place: `at` runs, the caller keeps their ends. Numbers are of 64 bits whatever came before
 * them, as decoders in Go have it.
 */
export class Reader {
  readonly #buffer: Buffer
  at = 0

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get length(): number {
    return this.#buffer.length
  }

  /** A field's number and wire type as one number, `number << 3 | wire`. `message` is for errors. */
  tag(end: number, message: string): number {
    if (this.at < end) {
      const byte = this.#buffer[this.at]!
      if (byte >= 8 && byte < 0x80 && (byte & 7) !== GROUP_END) {
        this.at++
        return byte
      }
    }
    return this.#checkedTag(end, message)
  }

  #checkedTag(end: number, message: string): number {
    const tag = this.#wide(end)
    const number = numberOf(tag)
    const wire = wireOf(tag)
    if (wire === GROUP_END) throw new ProtobufError(`proto: ${message}: wiretype end group for non-group`)
    if (number <= 0) throw new ProtobufError(`proto: ${message}: illegal tag ${number} (wire type ${tag})`)
    return (Math.min(number, NUMBER_MAX) << 3) | wire
  }

  /** A field's number inside an entry of a map, where nothing is said of how the field is written. */
  entryNumber(end: number): number {
    return numberOf(this.#wide(end))
  }

  /** The end of a length-delimited value that starts behind its length, which is read. */
  delimited(end: number): number {
    const at = this.at + 1
    const byte = this.#buffer[this.at]!
    if (byte < 0x80 && at + byte <= end) {
      this.at = at
      return at + byte
    }
    return this.#checkedDelimited(end)
  }

  #checkedDelimited(end: number): number {
    const start = this.at
    const length = this.#varint(end)
    if (length <= end - this.at) return this.at + length
    const exact = this.#exact(start)
    if (exact <= BigInt(end - this.at)) return this.at + Number(exact)
    throw BigInt.asIntN(64, exact) < 0n ? new ProtobufError('proto: negative length found during unmarshaling') : ended()
  }

  bool(end: number): boolean {
    return this.integer(end, false) !== 0
  }

  /** Safe integers exactly; larger ones as their nearest double, as JSON readers do. */
  integer(end: number, signed: boolean): number {
    const start = this.at
    const value = this.#varint(end)
    if (value <= Number.MAX_SAFE_INTEGER) return value
    const exact = this.#exact(start)
    return Number(signed ? BigInt.asIntN(64, exact) : exact)
  }

  /** The lowest 32 bits, signed. */
  int32(end: number): number {
    const start = this.at
    const value = this.#varint(end)
    return value <= Number.MAX_SAFE_INTEGER ? value | 0 : Number(BigInt.asIntN(32, this.#exact(start)))
  }

  /** An unsigned integer of any size, for what only looks like a number: identifiers. */
  exact(end: number): bigint {
    const start = this.at
    this.#varint(end)
    return this.#exact(start)
  }

  double(end: number): number {
    if (end - this.at < 8) throw ended()
    this.at += 8
    return this.#buffer.readDoubleLE(this.at - 8)
  }

  /** UTF-8 up to `end`, which becomes the position. */
  text(end: number): string {
    const start = this.at
    this.at = end
    if (end - start <= SHORT_BYTES_MAX) {
      let text = ''
      let at = start
      for (; at < end; at++) {
        const byte = this.#buffer[at]!
        if (byte > 0x7f) break
        text += String.fromCharCode(byte)
      }
      if (at === end) return text
    }
    const text = this.#buffer.toString('utf8', start, end)
    return text.includes(REPLACEMENT) ? goText(this.#buffer.subarray(start, end)) : text
  }

  base64(end: number): string {
    const start = this.at
    this.at = end
    return this.#buffer.toString('base64', start, end)
  }

  /** A view of the bytes up to `end`. */
  bytes(end: number): Buffer {
    const start = this.at
    this.at = end
    return this.#buffer.subarray(start, end)
  }

  /** Goes to the end of a field that starts at `start`, with its tag, whatever it holds; groups may be nested. */
  skip(start: number, end: number): void {
    this.at = start
    let depth = 0
    do {
      if (this.at >= end) throw ended()
      const wire = wireOf(this.#wide(end))
      if (wire === 0) this.#varint(end)
      else if (wire === 1) this.at += 8
      else if (wire === 2) this.at = this.delimited(end)
      else if (wire === 3) depth++
      else if (wire === GROUP_END && depth === 0) throw new ProtobufError('proto: unexpected end of group')
      else if (wire === GROUP_END) depth--
      else if (wire === 5) this.at += 4
      else throw new ProtobufError(`proto: illegal wireType ${wire}`)
    } while (depth > 0)
    if (this.at > end) throw ended()
  }

  #varint(end: number): number {
    let value = 0
    let factor = 1
    for (let count = 0; count < VARINT_BYTES_MAX; count++) {
      if (this.at >= end) throw ended()
      const byte = this.#buffer[this.at++]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 128
    }
    throw new ProtobufError('proto: integer overflow')
  }

  /** A number that may be longer than 53 bits. */
  #wide(end: number): number | bigint {
    const start = this.at
    const value = this.#varint(end)
    return value <= Number.MAX_SAFE_INTEGER ? value : this.#exact(start)
  }

  /** The 64 bits of a number that was read and that starts at `start`. */
  #exact(start: number): bigint {
    let value = 0n
    for (let at = start; at < this.at; at++) value |= BigInt(this.#buffer[at]! & 0x7f) << BigInt(7 * (at - start))
    return BigInt.asUintN(64, value)
  }
}

const VARINT_BYTES_MAX = 10
const GROUP_END = 4

const wireOf = (tag: number | bigint): number => (typeof tag === 'bigint' ? Number(tag & 7n) : tag % 8)

/** Of 32 bits, as decoders in Go have it. */
const numberOf = (tag: number | bigint): number =>
  typeof tag === 'bigint' ? Number(BigInt.asIntN(32, tag >> 3n)) : Math.floor(tag / 8) | 0

const ended = (): ProtobufError => new ProtobufError('unexpected EOF')

const REPLACEMENT = '\ufffd'

/** What Go prints of bytes that need not be UTF-8: a replacement for each byte that is not. */
function goText(bytes: Buffer): string {
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const size = sizeOfRune(bytes, at)
    text += size === 0 ? REPLACEMENT : bytes.toString('utf8', at, at + size)
    at += size || 1
  }
  return text
}

/** Bytes of the UTF-8 character that starts there; 0 when none does. */
function sizeOfRune(bytes: Buffer, at: number): number {
  const first = bytes[at]!
  const size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
  return isUtf8(bytes.subarray(at, at + size)) && at + size <= bytes.length ? size : 0
}
