import type { ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import type { Writable } from 'node:stream'

/** Where an answer goes, whatever the version of HTTP: its head once, then its body. */
export interface Sink {
  /**
   * `connection: close` ends a connection that carries many requests; one that carries one after the other goes on. The length is that of the body, where it is
   * known before.
   */
  head(status: number, headers: Readonly<Record<string, string>>, length?: number): void
  /** Sends the head now, while the body is not known yet. */
  flush(): void
  readonly stream: Writable
}

export class Http1Sink implements Sink {
  readonly stream: ServerResponse

  constructor(response: ServerResponse) {
    this.stream = response
  }

  head(status: number, headers: Readonly<Record<string, string>>, length?: number): void {
    this.stream.writeHead(status, listed([], headers, length))
  }

  flush(): void {
    this.stream.flushHeaders()
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

  head(status: number, headers: Readonly<Record<string, string>>, length?: number): void {
    const { stream } = this
    if (!stream.destroyed && !stream.closed) stream.respond(listed([':status', String(status)], headers, length))
    // What is under way is finished; nothing new is begun.
    if (headers['connection'] === 'close') stream.session?.close()
  }

  /** It is sent as it is. */
  flush(): void {}
}

/** Names and values in turn, which Node takes as they are where it would copy an object. */
function listed(list: string[], headers: Readonly<Record<string, string>>, length: number | undefined): string[] {
  for (const name in headers) if (name !== 'connection') list.push(name, headers[name]!)
  if (length !== undefined) list.push('content-length', String(length))
  return list
}
