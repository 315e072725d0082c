import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type Socket as Connection, createServer, type Server } from 'node:net'
import type { Clock, Log } from '#base'
import { lengthOf } from './exchange.ts'

const CONNECTIONS_MAX = 256
const CONNECTION_IDLE_MS = 10_000
/** Questions of one connection under way at once; reading pauses beyond. */
const PIPELINE_MAX = 32
/** Ports tried when any will do but UDP and TCP must be the same. */
const PORT_TRIES_MAX = 20

/** Turns the bytes of a question into the bytes of an answer; undefined for what deserves none. Never rejects. */
export interface Answerer {
  resolve(bytes: Buffer, protocol: 'udp' | 'tcp'): Promise<Buffer | undefined>
}

export interface DnsServerOptions {
  readonly resolver: Answerer
  readonly clock: Clock
  readonly log: Log
  readonly listen: { readonly host: string; readonly port: number }
}

/** One resolver on UDP and TCP at the same address and port. */
export class DnsServer implements AsyncDisposable {
  readonly #options: DnsServerOptions
  readonly #connections = new Set<Connection>()
  #udp: Socket | undefined
  #tcp: Server | undefined

  constructor(options: DnsServerOptions) {
    this.#options = options
  }

  get port(): number {
    return this.#udp?.address().port ?? 0
  }

  async start(): Promise<void> {
    const { port } = this.#options.listen
    for (let tries = PORT_TRIES_MAX; ; tries--) {
      try {
        await this.#bind()
        return
      } catch (error) {
        await this[Symbol.asyncDispose]()
        // The system chose a free UDP port that is taken for TCP.
        if (port !== 0 || tries <= 1) throw error
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const [udp, tcp] = [this.#udp, this.#tcp]
    this.#udp = this.#tcp = undefined
    for (const connection of this.#connections) connection.destroy()
    await Promise.all([
      udp && new Promise<void>((done) => udp.close(done)),
      tcp && new Promise<void>((done) => tcp.close(() => done())),
    ])
  }

  async #bind(): Promise<void> {
    const { host, port } = this.#options.listen
    const udp = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    const opened = once(udp, 'listening')
    udp.bind(port, host)
    await opened
    this.#udp = udp
    udp.on('message', (bytes, { address, port: from }) => void this.#answerDatagram(udp, bytes, address, from))
    udp.on('error', (error) => this.#options.log.warn('The DNS socket failed', { error }))
    const tcp = createServer((connection) => this.#serve(connection))
    tcp.maxConnections = CONNECTIONS_MAX
    const listening = once(tcp, 'listening')
    tcp.listen(udp.address().port, host)
    this.#tcp = tcp
    try {
      await listening
    } catch (error) {
      this.#tcp = undefined
      throw error
    }
  }

  async #answerDatagram(udp: Socket, bytes: Buffer, address: string, port: number): Promise<void> {
    const answer = await this.#options.resolver.resolve(bytes, 'udp')
    // The socket may have been closed meanwhile; the asker will ask elsewhere.
    if (answer !== undefined && udp === this.#udp) udp.send(answer, port, address, () => {})
  }

  #serve(connection: Connection): void {
    this.#connections.add(connection)
    let received = Buffer.alloc(0)
    let underWay = 0
    const idle = (): Disposable => this.#options.clock.after(CONNECTION_IDLE_MS, () => connection.destroy())
    let timer = idle()
    const read = (): void => {
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0) && underWay < PIPELINE_MAX) {
        const length = received.readUInt16BE(0)
        void respond(received.subarray(2, 2 + length))
        received = received.subarray(2 + length)
      }
      if (underWay >= PIPELINE_MAX) connection.pause()
      else connection.resume()
    }
    const respond = async (bytes: Buffer): Promise<void> => {
      underWay++
      const answer = await this.#options.resolver.resolve(bytes, 'tcp')
      underWay--
      if (connection.destroyed) return
      if (answer === undefined) connection.destroy()
      else connection.write(Buffer.concat([lengthOf(answer), answer]))
      read()
    }
    connection.on('data', (chunk) => {
      timer[Symbol.dispose]()
      timer = idle()
      received = Buffer.concat([received, chunk])
      read()
    })
    connection.on('error', () => connection.destroy())
    connection.on('close', () => {
      timer[Symbol.dispose]()
      this.#connections.delete(connection)
    })
  }
}
