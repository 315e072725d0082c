import { type ChildProcess, fork } from 'node:child_process'
import { type ClientHttp2Session, connect } from 'node:http2'
import { join } from 'node:path'
import type { Message, Usage } from './usage.ts'

export interface KeyPair {
  readonly certificate: string
  readonly key: string
}

/** A server process, and how to ask it. */
export class Server implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, (value: unknown) => void>()
  #nextId = 0

  private constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', ({ id, value }: { id: number; value: unknown }) => this.#waiting.get(id)?.(value))
  }

  static async start<T>(file: string): Promise<{ readonly server: Server; readonly up: T }> {
    const child = fork(join(import.meta.dirname, file), {
      execArgv: ['--conditions=source'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const up = await new Promise<T>((resolve, reject) => {
      child.once('message', (message) => resolve(message as T))
      child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)))
    })
    return { server: new Server(child), up }
  }

  ask<T>(message: Message): Promise<T> {
    const id = this.#nextId++
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve as (value: unknown) => void)
      this.#child.send({ id, message })
    })
  }

  usage(): Promise<Usage> {
    return this.ask({ kind: 'usage' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.disconnect()
    await gone
  }
}

export interface Request {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

/** One HTTP/2 connection, as one client has. */
export class Connection implements Disposable {
  readonly #session: ClientHttp2Session

  constructor(port: number, ca: string, own: KeyPair) {
    this.#session = connect(`https://127.0.0.1:${port}`, { ca, cert: own.certificate, key: own.key })
    this.#session.on('error', () => undefined)
  }

  /** The whole body; throws for any status but a success. */
  async send({ method = 'GET', path, headers, body }: Request): Promise<Buffer> {
    const stream = this.#session.request({ ':method': method, ':path': path, ...headers })
    stream.end(body)
    let status = 0
    stream.on('response', (head) => {
      status = Number(head[':status'])
    })
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(chunk as Buffer)
    const whole = Buffer.concat(chunks)
    if (status < 200 || status > 299) throw new Error(`${method} ${path}: ${status} ${whole.toString().slice(0, 500)}`)
    return whole
  }

  /** Calls back for every chunk of an answer that does not end; resolves once it has begun. */
  async follow(path: string, received: (bytes: number) => void, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    const stream = this.#session.request({ ':path': path, ...headers })
    stream.on('data', (chunk: Buffer) => received(chunk.length))
    stream.on('error', () => undefined)
    await new Promise<void>((resolve) => stream.once('response', () => resolve()))
  }

  [Symbol.dispose](): void {
    this.#session.destroy()
  }
}

export interface Measured {
  readonly count: number
  readonly seconds: number
  readonly cpuMs: number
  /** Sorted. */
  readonly latenciesMs: readonly number[]
  readonly bytes: number
}

/** Runs as many clients as connections for a while, each sending its next request when the last was answered. */
export async function measure(
  server: Server,
  connections: readonly Connection[],
  durationMs: number,
  requestAt: (index: number) => Request,
): Promise<Measured> {
  const latenciesMs: number[] = []
  let [next, bytes] = [0, 0]
  const before = await server.usage()
  const startMs = performance.now()
  const client = async (connection: Connection): Promise<void> => {
    while (performance.now() - startMs < durationMs) {
      const sentMs = performance.now()
      bytes += (await connection.send(requestAt(next++))).length
      latenciesMs.push(performance.now() - sentMs)
    }
  }
  await Promise.all(connections.map(client))
  const seconds = (performance.now() - startMs) / 1000
  const { cpuMs } = await server.usage()
  return {
    count: latenciesMs.length,
    seconds,
    cpuMs: cpuMs - before.cpuMs,
    latenciesMs: latenciesMs.sort((a, b) => a - b),
    bytes,
  }
}

/** Rounds of one measurement taken together. */
export const merged = (rounds: readonly Measured[]): Measured => {
  const sum = (of: (round: Measured) => number): number => rounds.reduce((total, round) => total + of(round), 0)
  return {
    count: sum(({ count }) => count),
    seconds: sum(({ seconds }) => seconds),
    cpuMs: sum(({ cpuMs }) => cpuMs),
    bytes: sum(({ bytes }) => bytes),
    latenciesMs: rounds.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b),
  }
}

/** Requests per second of the server's CPU. */
export const perCpuSecond = ({ count, cpuMs }: Measured): number => (count * 1000) / cpuMs

export const percentile = ({ latenciesMs }: Measured, part: number): number =>
  latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * part))] ?? 0
