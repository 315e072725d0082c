import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { Agent, get } from 'node:https'
import { cpuMsOf, type Target } from './process.ts'

export interface KeyPair {
  readonly certificate: string
  readonly key: string
}

/** Whom a client believes, and who it is. */
export interface Identity {
  readonly ca: string
  readonly own: KeyPair
}

export interface Request {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

/** Go's HTTP/2 client, which client-go is, lets a server be this far ahead of it, on a stream and on a connection. */
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024
const CONNECTION_WINDOW_BYTES = 1024 * 1024 * 1024

/** One HTTP/2 connection, as one client has; another when the server ended it for being idle. */
export class Connection implements Disposable {
  readonly #port: number
  readonly #identity: Identity
  #session: ClientHttp2Session

  constructor(port: number, identity: Identity) {
    this.#port = port
    this.#identity = identity
    this.#session = this.#connect()
  }

  #connect(): ClientHttp2Session {
    const { ca, own } = this.#identity
    const session = connect(`https://127.0.0.1:${this.#port}`, {
      ca,
      cert: own.certificate,
      key: own.key,
      settings: { initialWindowSize: STREAM_WINDOW_BYTES, enablePush: false },
    })
    session.on('connect', () => session.setLocalWindowSize(CONNECTION_WINDOW_BYTES))
    session.on('error', () => undefined)
    return session
  }

  #open(): ClientHttp2Session {
    if (this.#session.closed || this.#session.destroyed) this.#session = this.#connect()
    return this.#session
  }

  /** The whole body; throws for any status but a success. */
  async send(request: Request): Promise<Buffer> {
    const chunks: Buffer[] = []
    await this.count(request, (chunk) => chunks.push(chunk))
    return Buffer.concat(chunks)
  }

  /** How many bytes were answered; throws for any status but a success, gRPC's included. */
  count({ method = 'GET', path, headers, body }: Request, see?: (chunk: Buffer) => void): Promise<number> {
    const stream = this.#open().request({ ':method': method, ':path': path, ...headers })
    let [bytes, failed] = [0, '']
    stream.on('response', (head) => {
      const status = Number(head[':status'])
      if (status < 200 || status > 299) failed = `${status}`
      failed ||= grpcFailure(head)
    })
    stream.on('trailers', (trailers) => {
      failed ||= grpcFailure(trailers)
    })
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      see?.(chunk)
    })
    stream.end(body)
    return new Promise((resolve, reject) => {
      stream.on('error', reject)
      stream.on('close', () => (failed === '' ? resolve(bytes) : reject(new Error(`${method} ${path}: ${failed}`))))
    })
  }

  /** Calls back for every chunk of an answer that does not end; resolves once it has begun. */
  async follow({ path, headers, body }: Request, received: (chunk: Buffer) => void): Promise<void> {
    const options = { endStream: body === undefined }
    const stream: ClientHttp2Stream = this.#open().request(
      { ...(body && { ':method': 'POST' }), ':path': path, ...headers },
      options,
    )
    if (body !== undefined) stream.write(body)
    stream.on('error', () => undefined)
    await new Promise<void>((resolve, reject) => {
      stream.once('response', (head) => {
        if (head[':status'] === 200) resolve()
        else reject(new Error(`${path}: ${head[':status']}`))
      })
      stream.once('close', () => reject(new Error(`${path}: closed`)))
      stream.on('data', received)
    })
  }

  [Symbol.dispose](): void {
    this.#session.destroy()
  }
}

const grpcFailure = (headers: Readonly<Record<string, unknown>>): string =>
  headers['grpc-status'] === undefined || headers['grpc-status'] === '0'
    ? ''
    : `gRPC status ${String(headers['grpc-status'])} ${String(headers['grpc-message'] ?? '')}`

/** Many answers that do not end, each on an HTTP/1.1 connection of its own. */
export class SingleConnections implements Disposable {
  readonly #port: number
  readonly #identity: Identity
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxCachedSessions: 0 })

  constructor(port: number, identity: Identity) {
    this.#port = port
    this.#identity = identity
  }

  follow({ path, headers }: Request, received: (chunk: Buffer) => void): Promise<void> {
    const { ca, own } = this.#identity
    return new Promise((resolve, reject) => {
      const request = get(
        {
          host: '127.0.0.1',
          port: this.#port,
          path,
          headers,
          agent: this.#agent,
          ca,
          cert: own.certificate,
          key: own.key,
        },
        (response) => {
          if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode}`))
          response.on('data', received)
          response.on('error', () => undefined)
          resolve()
        },
      )
      request.on('error', reject)
    })
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}

export interface Measured {
  readonly count: number
  readonly seconds: number
  /** Of the server. */
  readonly cpuMs: number
  /** Sorted. */
  readonly latenciesMs: readonly number[]
}

/** Runs as many clients as connections for a while, each sending its next request when the last was answered. */
export async function measure(
  { pid }: Target,
  connections: readonly Connection[],
  durationMs: number,
  requestAt: (index: number) => Request,
): Promise<Measured> {
  const latenciesMs: number[] = []
  let next = 0
  const beforeMs = cpuMsOf(pid)
  const startMs = performance.now()
  const client = async (connection: Connection): Promise<void> => {
    while (performance.now() - startMs < durationMs) {
      const sentMs = performance.now()
      await connection.count(requestAt(next++))
      latenciesMs.push(performance.now() - sentMs)
    }
  }
  await Promise.all(connections.map(client))
  const seconds = (performance.now() - startMs) / 1000
  return { count: latenciesMs.length, seconds, cpuMs: cpuMsOf(pid) - beforeMs, latenciesMs: latenciesMs.sort((a, b) => a - b) }
}

/** Rounds of one measurement taken together. */
export const merged = (rounds: readonly Measured[]): Measured => {
  const sum = (of: (round: Measured) => number): number => rounds.reduce((total, round) => total + of(round), 0)
  return {
    count: sum(({ count }) => count),
    seconds: sum(({ seconds }) => seconds),
    cpuMs: sum(({ cpuMs }) => cpuMs),
    latenciesMs: rounds.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b),
  }
}
