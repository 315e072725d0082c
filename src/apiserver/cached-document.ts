import { createHash } from 'node:crypto'
import type { TransportRequest, TransportResponse } from '#client'

/** Bytes that are made at the first demand, and again when what they were made of has changed. */
export class CachedDocument {
  #source: readonly unknown[] = []
  #bytes: Uint8Array | undefined
  #etag: string | undefined

  /** The bytes made of `source`, whose items are compared by identity. */
  bytes(source: readonly unknown[], make: () => Uint8Array): Uint8Array {
    const same = source.length === this.#source.length && source.every((each, index) => each === this.#source[index])
    if (this.#bytes === undefined || !same) {
      this.#bytes = make()
      this.#source = source
      this.#etag = undefined
    }
    return this.#bytes
  }

  /** Of the bytes that were last made. */
  get hash(): string {
    this.#etag ??= createHash('sha512')
      .update(this.#bytes ?? '')
      .digest('hex')
      .toUpperCase()
    return this.#etag
  }
}

/** Documents by name, each made at its first demand. */
export class DocumentCache {
  readonly #documents = new Map<string, CachedDocument>()

  of(name: string): CachedDocument {
    let document = this.#documents.get(name)
    if (document === undefined) {
      document = new CachedDocument()
      this.#documents.set(name, document)
    }
    return document
  }
}

/** A document with its entity tag, or 304 when the client has it. */
export function replyDocument(
  { headers: asked }: TransportRequest,
  bytes: Uint8Array,
  hash: string,
  headers: Readonly<Record<string, string>>,
): TransportResponse {
  const etag = `"${hash}"`
  const sent = { etag, ...headers }
  const known = (asked?.['if-none-match'] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  if (known.includes(etag) || known.includes('*')) return { status: 304, headers: sent, body: { kind: 'none' } }
  return { status: 200, headers: sent, body: { kind: 'bytes', bytes } }
}
