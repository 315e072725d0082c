import { once } from 'node:events'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { request } from 'node:https'
import { WebSocket } from 'ws'
import type { Servers, Side } from './servers.ts'

/** How a stream is asked for. */
export type Way = 'HTTP/1.1' | 'HTTP/2' | 'WebSocket'

export interface StreamAsked {
  readonly way: Way
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  /** Of a WebSocket. */
  readonly protocols?: readonly string[]
}

/** All that came. */
export interface Streamed {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The messages of a WebSocket, or one body. */
  readonly messages: readonly { readonly form: 'text' | 'binary' | 'body'; readonly bytes: Buffer }[]
  readonly end: string
}

export interface Stream {
  /** Once there is an answer. */
  readonly begun: Promise<unknown>
  readonly ended: Promise<Streamed>
  /** Goes away. */
  stop(): void
}

/** Opens streams of one server. */
export class Streams implements AsyncDisposable {
  readonly #servers: Servers
  readonly #sessions = new Map<Side, ClientHttp2Session>()

  constructor(servers: Servers) {
    this.#servers = servers
  }

  open(side: Side, asked: StreamAsked): Stream {
    if (asked.way === 'WebSocket') return this.#openSocket(side, asked)
    return asked.way === 'HTTP/2' ? this.#openOverHttp2(side, asked) : this.#openOverHttp(side, asked)
  }

  #openOverHttp(side: Side, { target, headers = {} }: StreamAsked): Stream {
    const begun = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<Streamed>()
    const sent = request({ host: '127.0.0.1', port: side.port, path: target, agent: false, headers, ...this.#credentials() })
    sent.once('error', (error) => {
      begun.resolve()
      ended.reject(error)
    })
    sent.once('response', (response) => {
      begun.resolve()
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', () => undefined)
      response.once('close', () => {
        ended.resolve({
          status: response.statusCode ?? 0,
          headers: ofAll(response.headersDistinct),
          messages: [{ form: 'body', bytes: Buffer.concat(chunks) }],
          end: response.complete ? 'complete' : 'broken off',
        })
      })
    })
    sent.end()
    return { begun: begun.promise, ended: ended.promise, stop: () => sent.destroy() }
  }

  #openOverHttp2(side: Side, { target, headers = {} }: StreamAsked): Stream {
    let session = this.#sessions.get(side)
    if (session === undefined) {
      session = connectHttp2(`https://127.0.0.1:${side.port}`, this.#credentials())
      this.#sessions.set(side, session)
    }
    const stream = session.request({ ':path': target, ...headers })
    const begun = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<Streamed>()
    const chunks: Buffer[] = []
    let status = 0
    let received: Readonly<Record<string, string>> = {}
    stream.once('response', ({ ':status': code, ...rest }) => {
      status = code ?? 0
      received = ofAll(rest as Record<string, string>)
      begun.resolve()
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    let isComplete = false
    stream.once('end', () => (isComplete = true))
    stream.on('error', () => undefined)
    stream.once('close', () => {
      begun.resolve()
      const end = isComplete && stream.rstCode === 0 ? 'complete' : `broken off (${stream.rstCode})`
      ended.resolve({ status, headers: received, messages: [{ form: 'body', bytes: Buffer.concat(chunks) }], end })
    })
    return { begun: begun.promise, ended: ended.promise, stop: () => stream.close() }
  }

  #openSocket(side: Side, { target, headers = {}, protocols = [] }: StreamAsked): Stream {
    const socket = new WebSocket(`wss://127.0.0.1:${side.port}${target}`, [...protocols], {
      ...this.#credentials(),
      headers,
      perMessageDeflate: false,
    })
    const begun = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<Streamed>()
    const messages: Streamed['messages'][number][] = []
    let received: Readonly<Record<string, string>> = {}
    socket.on('error', () => undefined)
    socket.once('upgrade', (response) => {
      const { 'sec-websocket-accept': _, ...rest } = ofAll(response.headersDistinct)
      received = rest
      begun.resolve()
    })
    socket.on('message', (data, isBinary) => messages.push({ form: isBinary ? 'binary' : 'text', bytes: data as Buffer }))
    socket.once('close', (code, reason) => {
      begun.resolve()
      ended.resolve({ status: 101, headers: received, messages, end: `closed with ${code} ${reason.toString()}` })
    })
    socket.once('unexpected-response', (asked, response) => {
      begun.resolve()
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', () => undefined)
      response.once('close', () => {
        const end = response.complete ? 'complete' : 'broken off'
        const body = { form: 'body', bytes: Buffer.concat(chunks) } as const
        ended.resolve({ status: response.statusCode ?? 0, headers: ofAll(response.headersDistinct), messages: [body], end })
        asked.destroy()
      })
    })
    return { begun: begun.promise, ended: ended.promise, stop: () => socket.terminate() }
  }

  #credentials(): { readonly ca: string; readonly cert?: string; readonly key?: string } {
    return { ca: this.#servers.ca, ...this.#servers.identities.admin }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions.values()) {
      session.destroy()
      if (!session.closed) await once(session, 'close')
    }
  }
}

function ofAll(headers: Readonly<Record<string, string | readonly string[] | undefined>>): Readonly<Record<string, string>> {
  const all = Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(all.map(([name, values]) => [name, [values ?? []].flat().join(' | ')]))
}
