/** Bytes that are no message of the expected type. */
export class ProtobufError extends Error {
  override readonly name = 'ProtobufError'
}

/** Strings up to here are read by a loop when they are ASCII, which beats the call into the runtime. */
const SHORT_BYTES_MAX = 24

/** A cursor over the bytes of a message. Nested messages are read in place: `at` runs, the caller keeps their ends. */
export class Reader {
  readonly #buffer: Buffer
  at = 0

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get length(): number {
    return this.#buffer.length
  }

  /** A field's number and wire type as one number, `number << 3 | wire`. */
  tag(end: number): number {
    const tag = this.#varint(end)
    if (tag > 0xffffffff || tag < 8) throw new ProtobufError('a field has a number that there is not')
    return tag
  }

  /** The end of a length-delimited value that starts behind its length, which is read. */
  delimited(wire: number, end: number): number {
    if (wire !== 2) throw new ProtobufError(`wire type ${wire} where bytes were expected`)
    const length = this.#varint(end)
    if (length > end - this.at) throw new ProtobufError('a field is longer than its message')
    return this.at + length
  }

  bool(wire: number, end: number): boolean {
    return this.integer(wire, end, false) !== 0
  }

  /** Safe integers exactly; larger ones as their nearest double, as JSON readers do. */
  integer(wire: number, end: number, signed: boolean): number {
    if (wire !== 0) throw new ProtobufError(`wire type ${wire} where a number was expected`)
    const start = this.at
    const value = this.#varint(end)
    if (value <= Number.MAX_SAFE_INTEGER) return value
    return Number(signed ? BigInt.asIntN(64, this.#bigint(start)) : BigInt.asUintN(64, this.#bigint(start)))
  }

  /** An unsigned integer of any size, for what only looks like a number: identifiers. */
  exact(wire: number, end: number): bigint {
    if (wire !== 0) throw new ProtobufError(`wire type ${wire} where a number was expected`)
    const start = this.at
    this.#varint(end)
    return BigInt.asUintN(64, this.#bigint(start))
  }

  double(wire: number, end: number): number {
    if (wire !== 1 || end - this.at < 8) throw new ProtobufError('a double was expected')
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
    return this.#buffer.toString('utf8', start, end)
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

  skip(wire: number, end: number): void {
    if (wire === 0) this.#varint(end)
    else if (wire === 1) this.at += 8
    else if (wire === 2) this.at = this.delimited(2, end)
    else if (wire === 5) this.at += 4
    else throw new ProtobufError(`unknown wire type ${wire}`)
    if (this.at > end) throw new ProtobufError('the message ends in the middle of a field')
  }

  #varint(end: number): number {
    let value = 0
    let factor = 1
    for (let count = 0; count < VARINT_BYTES_MAX; count++) {
      if (this.at >= end) throw new ProtobufError('the message ends in the middle of a number')
      const byte = this.#buffer[this.at++]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 128
    }
    throw new ProtobufError('a number has more than ten bytes')
  }

  /** The exact value of a number that was read and that starts at `start`. */
  #bigint(start: number): bigint {
    let value = 0n
    for (let at = start; at < this.at; at++) value |= BigInt(this.#buffer[at]! & 0x7f) << BigInt(7 * (at - start))
    return value
  }
}

const VARINT_BYTES_MAX = 10
