import type { ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import type { Writable } from 'node:stream'

/** Where an answer goes, whatever the version of HTTP: its head once, then its body. */
export interface Sink {
  /** `connection: close` ends a connection that carries many requests; one that carries one after the other goes on. */
  head(status: number, headers: Readonly<Record<string, string>>): void
  /** Sends the head now, while the body is not known yet. */
  flush(): void
  readonly stream: Writable
}

export const http1Sink = (response: ServerResponse): Sink => ({
  head(status, { connection: _, ...headers }) {
    response.writeHead(status, headers)
  },
  flush: () => response.flushHeaders(),
  stream: response,
})

export function http2Sink(stream: ServerHttp2Stream): Sink {
  // A client that was answered before its body was read need not send the rest.
  stream.once('finish', () => {
    if (!stream.endAfterHeaders && !stream.readableEnded) stream.close()
  })
  return {
    head(status, { connection, ...headers }) {
      if (!stream.destroyed && !stream.closed) stream.respond({ ...headers, ':status': status })
      // What is under way is finished; nothing new is begun.
      if (connection === 'close') stream.session?.close()
    },
    // It is sent as it is.
    flush() {},
    stream,
  }
}
