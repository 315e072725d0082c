import { type IncomingMessage, request as requestHttp1 } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { Agent } from 'node:https'
import type { Readable } from 'node:stream'
import { connect as connectTls } from 'node:tls'

/** What a client shows and believes. */
export interface ClientTls {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

export interface HttpHead {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  /** All of the body, once it has come to its end; rejects when it is broken off. */
  readonly body: Promise<string>
}

/** One connection of a client, open until one of the two ends it. */
export interface HttpConnection extends Disposable {
  readonly connected: Promise<unknown>
  /** Resolves with the head, while the body is read; rejects when the connection ends without one. */
  ask(method: string, path: string, body?: object): Promise<HttpHead>
  /** Resolves when the server asked for no more requests: by GOAWAY without an error, or by `Connection: close`. */
  readonly retired: Promise<void>
  readonly closed: Promise<unknown>
}

/** The versions of HTTP that an API server speaks: what is true over one is true over the other. */
export const HTTP_VERSIONS: Readonly<Record<string, (port: number, tls: ClientTls) => HttpConnection>> = {
  'HTTP/2': byHttp2,
  'HTTP/1.1': byHttp1,
}

const headersOf = (body: object | undefined): Record<string, string> =>
  body === undefined ? {} : { 'content-type': 'application/json' }

function byHttp2(port: number, tls: ClientTls): HttpConnection {
  const session = connectHttp2(`https://127.0.0.1:${port}`, tls)
  session.on('error', () => undefined)
  const retired = Promise.withResolvers<void>()
  session.once('goaway', (code) => {
    if (code === 0) retired.resolve()
  })
  return {
    connected: new Promise((resolve) => session.once('remoteSettings', resolve)),
    ask(method, path, body) {
      const stream = session.request({ ':method': method, ':path': path, ...headersOf(body) })
      stream.end(body === undefined ? undefined : JSON.stringify(body))
      return new Promise((resolve, reject) => {
        stream.once('response', (headers) => resolve({ status: Number(headers[':status']), headers, body: textOf(stream) }))
        stream.once('error', reject).once('close', () => reject(new Error('the stream was closed without an answer')))
      })
    },
    retired: retired.promise,
    closed: new Promise<void>((resolve) => session.once('close', () => resolve())),
    [Symbol.dispose]: () => session.destroy(),
  }
}

function byHttp1(port: number, tls: ClientTls): HttpConnection {
  const socket = connectTls({ host: '127.0.0.1', port, ALPNProtocols: ['http/1.1'], ...tls })
  socket.on('error', () => undefined)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  agent.createConnection = () => socket
  const retired = Promise.withResolvers<void>()
  return {
    connected: new Promise<void>((resolve) => socket.once('secureConnect', () => resolve())),
    ask(method, path, body) {
      const request = requestHttp1({ host: '127.0.0.1', port, method, path, headers: headersOf(body), agent, protocol: 'https:' })
      request.end(body === undefined ? undefined : JSON.stringify(body))
      return new Promise((resolve, reject) => {
        request.once('error', reject)
        request.once('response', (response: IncomingMessage) => {
          const { statusCode: status = 0, headers } = response
          if (headers.connection === 'close') retired.resolve()
          resolve({ status, headers, body: textOf(response) })
        })
      })
    },
    retired: retired.promise,
    closed: new Promise((resolve) => socket.once('close', resolve)),
    [Symbol.dispose]: () => {
      agent.destroy()
      socket.destroy()
    },
  }
}

function textOf(body: Readable): Promise<string> {
  const all = (async () => {
    let text = ''
    for await (const chunk of body.setEncoding('utf8')) text += chunk
    return text
  })()
  // Of a body that is broken off only he hears who asked for it.
  all.catch(() => undefined)
  return all
}
