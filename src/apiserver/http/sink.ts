import type { ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import type { Writable } from 'node:stream'
import type { WatchFrame } from '#client'

export type ResponseHeaders = Readonly<Record<string, string | readonly string[]>>

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
  readonly stream: Writable
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
}

export class Http2Sink implements Sink {
  readonly stream: ServerHttp2Stream

  constructor(stream: ServerHttp2Stream) {
    this.stream = stream
    // A client that was answered before its body was read need not send the rest.
    if (!stream.endAfterHeaders) {
      stream.once('finish', () => {
        if (!stream.readableEnded) stream.close()
      })
    }
  }

  head(status: number, headers: ResponseHeaders, length?: number): void {
    const { stream } = this
    if (!stream.destroyed && !stream.closed) stream.respond(listed([':status', String(status)], headers, length))
    // What is under way is finished; nothing new is begun.
    if (headers['connection'] === 'close') stream.session?.close()
  }

  /** It is sent as it is. */
  flush(): void {}

  beginFrames(): void {}

  frameBytes(frame: WatchFrame): Uint8Array {
    return frame.bytes()
  }

  endFrames(): void {
    this.stream.end()
  }
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
