import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock, Timer } from '#base'
import type { Connection } from './h2/connection.ts'

/** After the notice that no request should be begun any more, those on their way have so long to arrive (upstream's, from its HTTP library). */
const GOAWAY_MS = 1_000

/** The connections of a listener, from before their handshake, and how they end. */
export class Connections {
  readonly #clock: Clock
  readonly #sockets = new Set<Socket>()
  /** Those of HTTP/2. */
  readonly #multiplexed = new Set<Connection>()
  /** Those of HTTP/1.1 that have had a request, with how many are not answered. */
  readonly #asked = new Map<Duplex, number>()
  #isRetiring = false
  #goaway: Timer | undefined
  #gone: PromiseWithResolvers<void> | undefined

  constructor(server: Server, clock: Clock) {
    this.#clock = clock
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => {
        this.#sockets.delete(socket)
        if (this.#sockets.size === 0) this.#gone?.resolve()
      })
    })
  }

  /** One of HTTP/2, that ends with its socket. */
  multiplexed(connection: Connection, socket: Duplex): void {
    this.#multiplexed.add(connection)
    socket.once('close', () => this.#multiplexed.delete(connection))
    if (this.#isRetiring) connection.retire()
  }

  /** A request of HTTP/1.1, whose connection is free for the next once it is answered. */
  asked({ socket }: IncomingMessage, response: ServerResponse): void {
    if (!this.#asked.has(socket)) socket.once('close', () => this.#asked.delete(socket))
    this.#asked.set(socket, (this.#asked.get(socket) ?? 0) + 1)
    response.once('close', () => {
      const open = (this.#asked.get(socket) ?? 1) - 1
      if (this.#asked.has(socket)) this.#asked.set(socket, open)
      if (this.#isRetiring && open === 0) socket.end()
    })
  }

  /**
   * Asks clients to begin nothing any more: by GOAWAY, or by ending what carries no request. Those who have not asked anything yet may, once: what they said
   * while they connected is on its way.
   */
  retire(): void {
    if (this.#isRetiring) return
    this.#isRetiring = true
    for (const [socket, open] of this.#asked) if (open === 0) socket.end()
    for (const connection of this.#multiplexed) connection.retire()
    // What is under way on them is finished, and then they end.
    this.#goaway = this.#clock.after(GOAWAY_MS, () => {
      for (const connection of this.#multiplexed) connection.close()
    })
  }

  /** Resolves when there is none any more; those that are left after `graceMs` are cut. */
  async end(graceMs: number): Promise<void> {
    if (this.#sockets.size > 0 && graceMs > 0) await this.#leave(graceMs)
    this.#goaway?.[Symbol.dispose]()
    for (const socket of this.#sockets) socket.destroy()
  }

  async #leave(graceMs: number): Promise<void> {
    this.#gone = Promise.withResolvers()
    const late = this.#clock.after(graceMs, () => this.#gone?.resolve())
    await this.#gone.promise
    late[Symbol.dispose]()
  }
}
