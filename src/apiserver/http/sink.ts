import type { ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import type { BodyParts, WatchFrame } from '#client'
import { BATCH_BYTES, borrowBatch, mayFill, returnBatch } from './batches.ts'
import { together } from './together.ts'

export type ResponseHeaders = Readonly<Record<string, string | readonly string[]>>

/** What is asked of a stream that an answer is written to, whether or not it is one of Node's. */
export interface Outgoing {
  /** Nothing is sent any more. */
  readonly destroyed: boolean
  readonly writableNeedDrain: boolean
  /** False: the client is slower than we are; nothing more until `drain`. */
  write(bytes: Uint8Array): boolean
  end(): unknown
  cork(): void
  uncork(): void
  on(event: 'close' | 'drain', listener: () => void): unknown
  once(event: 'close' | 'drain', listener: () => void): unknown
  off(event: 'close' | 'drain', listener: () => void): unknown
  /** Breaks it off. */
  destroy(): unknown
}

/** Where an answer goes, whatever the version of HTTP: its head once, then its body. */
export interface Sink {
  /**
   * `connection: close` ends a connection that carries many requests; one that carries one after the other goes on. The length is that of the body, where it is
   * known before.
   */
  head(status: number, headers: ResponseHeaders, length?: number): void
  /** Sends the head now, while the body is not known yet. */
  flush(): void
  /** The same where the body is frames of a watch and nothing else, each written as `frameBytes` of it, and in the end `endFrames`. */
  beginFrames(): void
  /** In one piece, and shared by all who are sent the frame: what is written for each is what many watchers cost. */
  frameBytes(frame: WatchFrame): Uint8Array
  endFrames(): void
  /** All of a body that is small, and the end. */
  endWith(parts: BodyParts): void
  /** All of a body of so many bytes, and the end: `read` fills the beginning of a buffer with what comes next and says how much that is, as the client takes it. Resolves when it is sent, or the client is gone. */
  pour(read: (target: Buffer) => number, length: number): Promise<void>
  readonly stream: Outgoing
}

const LAST_CHUNK = '0\r\n\r\n'

export class Http1Sink implements Sink {
  readonly stream: ServerResponse
  /** Whether frames are. */
  #isChunked = false
  readonly #isLast: () => boolean

  /** `isLast` tells, when the head is sent, whether its connection shall carry no other request. */
  constructor(response: ServerResponse, isLast: () => boolean) {
    this.stream = response
    this.#isLast = isLast
  }

  head(status: number, headers: ResponseHeaders, length?: number): void {
    this.stream.writeHead(status, listed(this.#isLast() ? ['connection', 'close'] : [], headers, length))
  }

  flush(): void {
    this.stream.flushHeaders()
  }

  beginFrames(): void {
    this.stream.flushHeaders()
    // Chunks are made once for all watchers: Node would write each in four pieces for each of them.
    this.#isChunked = this.stream.chunkedEncoding
    this.stream.chunkedEncoding = false
  }

  frameBytes(frame: WatchFrame): Uint8Array {
    if (!this.#isChunked) return frame.bytes()
    return frame.chunk === undefined ? chunkOf(frame.bytes()) : frame.chunk()
  }

  endFrames(): void {
    this.stream.end(this.#isChunked ? LAST_CHUNK : '')
  }

  endWith(parts: BodyParts): void {
    this.stream.end(together(parts))
  }

  pour(read: (target: Buffer) => number, length: number): Promise<void> {
    return pourInto(this.stream, read, length)
  }
}

/** Writes what is read through one buffer, that is filled again when it was taken. What has not the length that it said is broken off. */
export async function pourInto(stream: Writable, read: (target: Buffer) => number, length: number): Promise<void> {
  // One listener, and few promises for each batch: what a small one costs is what many cost.
  let go: (() => void) | undefined
  const proceed = (): void => go?.()
  const next = (resolve: () => void): void => {
    go = resolve
  }
  const filler = { proceed }
  stream.on('close', proceed)
  let left = length
  while (left > 0) {
    if (!mayFill(filler)) await new Promise<void>(next)
    if (stream.destroyed) return
    const batch = borrowBatch()
    const filled = read(batch)
    if (filled === 0 || filled > left) break
    left -= filled
    const taken = new Promise<void>(next)
    stream.write(filled === BATCH_BYTES ? batch : batch.subarray(0, filled), proceed)
    await taken
    // The buffer of a client that went away may still be read from; it is not used again.
    if (stream.destroyed) return
    returnBatch(batch)
  }
  stream.off('close', proceed)
  if (left > 0) stream.destroy()
  else stream.end()
}

const chunkOf = (bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])

/** Names and values in turn, which Node takes as they are where it would copy an object. */
function listed(list: string[], headers: ResponseHeaders, length: number | undefined): string[] {
  for (const name in headers) {
    if (name === 'connection') continue
    const value = headers[name]!
    if (typeof value === 'string') list.push(name, value)
    else for (const each of value) list.push(name, each)
  }
  if (length !== undefined) list.push('content-length', String(length))
  return list
}
