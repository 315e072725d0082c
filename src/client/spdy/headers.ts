import type { Deflate, Inflate } from 'node:zlib'
import { spdyDictionary } from './dictionary.ts'

export type SpdyHeaders = Readonly<Record<string, string>>

/** A block may not unpack to more. */
const BLOCK_BYTES_MAX = 256 * 1024
const PAIRS_MAX = 256
/** Separates several values of one name. */
const VALUE_SEPARATOR = '\0'

/** Packs and unpacks the header blocks of one connection, whose zlib streams go on from block to block: calls must not overlap. */
export class HeaderCodec implements Disposable {
  readonly #deflate: Deflate
  readonly #inflate: Inflate
  readonly #flush: number
  #unpacked: Buffer[] = []
  #unpackedBytes = 0

  private constructor(zlib: typeof import('node:zlib')) {
    this.#flush = zlib.constants.Z_SYNC_FLUSH
    this.#deflate = zlib.createDeflate({ dictionary: spdyDictionary, flush: this.#flush })
    this.#inflate = zlib.createInflate({ dictionary: spdyDictionary, flush: this.#flush, finishFlush: this.#flush })
    this.#inflate.on('data', (chunk: Buffer) => {
      this.#unpackedBytes += chunk.length
      if (this.#unpackedBytes <= BLOCK_BYTES_MAX) this.#unpacked.push(chunk)
    })
    // Errors reach the callback of the write that met them.
    this.#inflate.on('error', () => {})
    this.#deflate.on('error', () => {})
  }

  static async create(): Promise<HeaderCodec> {
    return new HeaderCodec(await import('node:zlib'))
  }

  async pack(headers: SpdyHeaders): Promise<Buffer> {
    const packed: Buffer[] = []
    const collect = (chunk: Buffer): void => void packed.push(chunk)
    this.#deflate.on('data', collect)
    try {
      await written(this.#deflate, encodePairs(headers))
    } finally {
      this.#deflate.off('data', collect)
    }
    return Buffer.concat(packed)
  }

  /** Throws for a block that is no zlib, no pairs, or too large. */
  async unpack(block: Uint8Array): Promise<SpdyHeaders> {
    this.#unpacked = []
    this.#unpackedBytes = 0
    await written(this.#inflate, block)
    if (this.#unpackedBytes > BLOCK_BYTES_MAX) throw new RangeError('a header block is too large')
    return decodePairs(Buffer.concat(this.#unpacked))
  }

  [Symbol.dispose](): void {
    this.#deflate.destroy()
    this.#inflate.destroy()
  }
}

function written(stream: Deflate | Inflate, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new Error('the connection was closed'))
    stream.once('close', onClose)
    stream.write(bytes, (error) => {
      stream.off('close', onClose)
      if (error) reject(error)
      else resolve()
    })
  })
}

function encodePairs(headers: SpdyHeaders): Buffer {
  const parts: Buffer[] = [uint32(Object.keys(headers).length)]
  for (const [name, value] of Object.entries(headers)) {
    for (const text of [name.toLowerCase(), value]) {
      const bytes = Buffer.from(text, 'utf8')
      parts.push(uint32(bytes.length), bytes)
    }
  }
  return Buffer.concat(parts)
}

function decodePairs(block: Buffer): SpdyHeaders {
  let at = 0
  const number = (): number => {
    if (at + 4 > block.length) throw new RangeError('a header block ends early')
    at += 4
    return block.readUInt32BE(at - 4)
  }
  const text = (): string => {
    const length = number()
    if (length > block.length - at) throw new RangeError('a header is longer than its block')
    at += length
    return block.toString('utf8', at - length, at)
  }
  const count = number()
  if (count > PAIRS_MAX) throw new RangeError('a block has too many headers')
  const headers = Object.create(null) as Record<string, string>
  for (let pair = 0; pair < count; pair++) {
    const name = text().toLowerCase()
    headers[name] = text().split(VALUE_SEPARATOR)[0] ?? ''
  }
  return headers
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
