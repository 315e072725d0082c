import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2SecureServer, ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock, Timer } from '#base'

/** After the notice that no request should be begun any more, those on their way have so long to arrive (upstream's, from its HTTP library). */
const GOAWAY_MS = 1_000
/** A notice accepts everything that was sent before it was read. */
const NO_ERROR = 0
const LAST_STREAM = 2 ** 31 - 1

/** The connections of a listener, from before their handshake, and how they end. */
export class Connections {
  readonly #clock: Clock
  readonly #sockets = new Set<Socket>()
  /** Those of HTTP/2, with how many of their requests are under way; undefined before the first. */
  readonly #sessions = new Map<ServerHttp2Session, number | undefined>()
  /** Those of HTTP/1.1 that have had a request, with how many are not answered. */
  readonly #asked = new Map<Duplex, number>()
  #isRetiring = false
  #goaway: Timer | undefined
  #gone: PromiseWithResolvers<void> | undefined

  constructor(server: Http2SecureServer, clock: Clock) {
    this.#clock = clock
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => {
        this.#sockets.delete(socket)
        if (this.#sockets.size === 0) this.#gone?.resolve()
      })
    })
    server.on('session', (session) => {
      this.#sessions.set(session, undefined)
      session.once('close', () => this.#sessions.delete(session))
      session.on('stream', (stream) => {
        this.#change(session, 1)
        stream.once('close', () => this.#change(session, -1))
      })
    })
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
    for (const [session, open] of this.#sessions) retireSession(session, open)
    this.#goaway = this.#clock.after(GOAWAY_MS, () => this.#closeSessions())
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

  /** What is under way on them is finished, and then they end. */
  #closeSessions(): void {
    for (const session of this.#sessions.keys()) session.close()
  }

  #change(session: ServerHttp2Session, by: 1 | -1): void {
    if (!this.#sessions.has(session)) return
    const open = (this.#sessions.get(session) ?? 0) + by
    this.#sessions.set(session, open)
    if (this.#isRetiring && open === 0) session.close()
  }
}

/** Without a request under way a session that has given notice would not read any more, so it ends: what is on its way was not done, and its client knows. */
function retireSession(session: ServerHttp2Session, open: number | undefined): void {
  if (open === undefined || session.destroyed || session.closed) return
  if (open === 0) session.close()
  else session.goaway(NO_ERROR, LAST_STREAM)
}
