const START_BYTES = 64 * 1024
/** A buffer larger than this is given back once its message is done. */
const KEEP_BYTES_MAX = 4 * 1024 * 1024
/** Up to here a loop in JavaScript beats the call into the runtime. */
const SHORT_CHARACTERS_MAX = 48

/**
 * Writes a message from its end to its start, so that the length of a nested message is known when it is due and nothing is measured or moved: `text('b')`, then
 * `text('a')` leave `ab`. Forms of numbers and strings: https://protobuf.dev/programming-guides/encoding/.
 */
export class Writer {
  readonly #startBytes: number
  #buffer: Buffer
  /** Index of the first byte so far. */
  #at: number

  constructor(startBytes = START_BYTES) {
    this.#startBytes = startBytes
    this.#buffer = Buffer.allocUnsafeSlow(startBytes)
    this.#at = startBytes
  }

  /** Bytes written so far; the length of a nested message is a difference of two. */
  get size(): number {
    return this.#buffer.length - this.#at
  }

  /** A copy of what was written; the writer is empty again. */
  finish(): Buffer {
    const bytes = Buffer.from(this.#buffer.subarray(this.#at))
    this.#at = this.#buffer.length
    if (this.#buffer.length > KEEP_BYTES_MAX) {
      this.#buffer = Buffer.allocUnsafeSlow(this.#startBytes)
      this.#at = this.#startBytes
    }
    return bytes
  }

  /** Forgets what was written, after a failure. */
  reset(): void {
    this.#at = this.#buffer.length
  }

  byte(value: number): void {
    if (this.#at < 1) this.#grow(1)
    this.#buffer[--this.#at] = value
  }

  bytes(bytes: Uint8Array): void {
    const { length } = bytes
    if (this.#at < length) this.#grow(length)
    this.#at -= length
    this.#buffer.set(bytes, this.#at)
  }

  /** Lengths, tags and other numbers from 0 to 2^31 - 1. */
  length(value: number): void {
    if (value < 0x80) {
      this.byte(value)
      return
    }
    if (this.#at < 5) this.#grow(5)
    const buffer = this.#buffer
    let at = this.#at - (value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5)
    this.#at = at
    let rest = value
    while (rest > 0x7f) {
      buffer[at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    buffer[at] = rest
  }

  /** An integer of any size and sign; negative ones take ten bytes. */
  integer(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0 && value <= 0x7fffffff) {
      this.length(value)
      return
    }
    let rest = BigInt.asUintN(64, BigInt(value))
    const groups: number[] = []
    while (rest > 0x7fn) {
      groups.push(Number(rest & 0x7fn) | 0x80)
      rest >>= 7n
    }
    this.byte(Number(rest))
    for (let index = groups.length - 1; index >= 0; index--) this.byte(groups[index]!)
  }

  double(value: number): void {
    if (this.#at < 8) this.#grow(8)
    this.#at -= 8
    this.#buffer.writeDoubleLE(value, this.#at)
  }

  /** UTF-8 without its length. */
  text(value: string): void {
    const { length } = value
    if (length <= SHORT_CHARACTERS_MAX) {
      if (this.#at < length) this.#grow(length)
      const buffer = this.#buffer
      const start = this.#at - length
      let index = 0
      for (; index < length; index++) {
        const code = value.charCodeAt(index)
        if (code > 0x7f) break
        buffer[start + index] = code
      }
      if (index === length) {
        this.#at = start
        return
      }
    }
    const size = Buffer.byteLength(value)
    if (this.#at < size) this.#grow(size)
    this.#at -= size
    this.#buffer.write(value, this.#at)
  }

  /** A string field's value: its length, then its UTF-8. */
  string(value: string): void {
    const before = this.size
    this.text(value)
    this.length(this.size - before)
  }

  /** Makes room for `needed` bytes in front. */
  #grow(needed: number): void {
    const written = this.#buffer.length - this.#at
    const size = Math.max(this.#buffer.length * 2, written + needed)
    const grown = Buffer.allocUnsafeSlow(size)
    grown.set(this.#buffer.subarray(this.#at), size - written)
    this.#buffer = grown
    this.#at = size - written
  }
}
