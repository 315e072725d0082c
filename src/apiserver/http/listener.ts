import { constants } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { type Answer, andThen, type Clock, ending, type Log, recovering, systemClock } from '#base'
import { type ClientAuthorities, certificatesIn, type Peer, PeerReader } from '#client'
import { statusOf } from '#meta'
import type { Pipeline } from '../pipeline.ts'
import { replyStatus } from '../response.ts'
import type { Lifecycle } from '../shutdown/lifecycle.ts'
import { Connections } from './connections.ts'
import { Connection } from './h2/connection.ts'
import type { Exchange } from './h2/exchange.ts'
import { httpDates } from './http-date.ts'
import { bodyOf, type Head, Http1Head, IncomingRequest, Presence } from './incoming-request.ts'
import { Http1Sink, type Sink } from './sink.ts'
import { isUpgraded, type Served, upgrade } from './upgrade.ts'
import { writeBody } from './write-body.ts'

export interface ListenOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly tls: ClientAuthorities & {
    readonly certificate: string
    readonly key: string
  }
  /** By which connections are found to be idle, and their certificates to have expired; handshakes go by the machine's. */
  readonly clock?: Clock | undefined
  readonly limits?: Partial<ConnectionLimits> | undefined
}

/** For how long a client may let us wait, in milliseconds. */
export interface ConnectionLimits {
  /** For TLS to be set up. */
  readonly handshakeMs: number
  /** For the whole head of a request. */
  readonly headersMs: number
  /** Between two requests, or for the first. */
  readonly idleMs: number
  /** Between two looks at who has taken too long for his head. */
  readonly checkEveryMs: number
}

/** Upstream's, which are those of its HTTP library. */
const LIMITS: ConnectionLimits = { handshakeMs: 10_000, headersMs: 32_000, idleMs: 90_000, checkEveryMs: 5_000 }

/** Disposed of, it is closed at once. */
export interface Listener extends AsyncDisposable {
  readonly port: number
  /** Nobody can connect any more, and whoever is connected is asked to begin nothing; what was begun goes on. */
  stop(): void
  /** Resolves when no connection is left; those that do not end by themselves within `graceMs` are cut. */
  close(graceMs: number): Promise<void>
  /** New connections get this certificate; those that are there stay. */
  replaceCertificate(pair: { readonly certificate: string; readonly key: string }): void
  /** Whom to believe from now on, on connections that are there as well. */
  replaceAuthorities(authorities: ClientAuthorities): void
}

/** What a connection agrees on as its handshake ends. */
const HTTP2 = 'h2'

interface ListenerDependencies {
  readonly lifecycle: Lifecycle
  readonly clock: Clock
  readonly log: Log
  readonly metrics?: { handshakeFailed(): void }
}

/** HTTP/2 and HTTP/1.1 over TLS by ALPN, in front of the pipeline. */
export async function listen(
  pipeline: Pipeline,
  options: ListenOptions,
  { lifecycle, clock: serverClock, log, metrics }: ListenerDependencies,
): Promise<Listener> {
  const [{ createServer: createHttp1 }, { createServer }] = await Promise.all([import('node:http'), import('node:tls')])
  const { clock = systemClock } = options
  const peers = new PeerReader(options.tls, clock)
  const limits = { ...LIMITS, ...options.limits }
  let presented = { cert: options.tls.certificate, key: options.tls.key }
  let ca = trustedBy(options.tls)
  const server = createServer({
    ...TLS,
    ...presented,
    ca,
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: [HTTP2, 'http/1.1'],
    handshakeTimeout: limits.handshakeMs,
    noDelay: true,
  })
  const http1 = createHttp1({
    headersTimeout: limits.headersMs,
    // A body takes as long as it takes: the request has a deadline of its own.
    requestTimeout: 0,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: limits.checkEveryMs,
    shouldUpgradeCallback: (request: IncomingMessage) => isUpgraded(pipeline, request),
  })
  const connections = new Connections(server, serverClock)
  let stopped: Promise<void> | undefined
  let closed: Promise<void> | undefined
  const served = { pipeline, lifecycle }
  const isLast = (): boolean => lifecycle.isRefusing
  const serveOn = (head: Head, body: () => AsyncIterable<Uint8Array>, sink: Sink, peer: Peer): Answer<void> =>
    recovering(
      () => serve(served, head, body, sink, peer),
      (error) => {
        log.debug('A connection broke', { error })
        sink.stream.destroy()
      },
    )
  http1.on('request', (request: IncomingMessage, response: ServerResponse) => {
    // HTTP/0.9 has no heads, so neither of us could say where anything ends.
    if (request.httpVersionMajor < 1) {
      request.socket.end(
        'HTTP/1.1 400 Bad Request: malformed HTTP version\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n',
      )
      return
    }
    connections.asked(request, response)
    response.on('error', nothing)
    const sink = new Http1Sink(response, isLast)
    void serveOn(new Http1Head(request), () => bodyOf(request), sink, peers.peerOf(request.socket as TLSSocket))
  })
  const date = httpDates(clock)
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol !== HTTP2) {
      http1.emit('connection', socket)
      return
    }
    // A new handshake within a connection of TLS 1.2 costs us more than the client.
    socket.disableRenegotiation()
    const serveExchange = (head: Head, exchange: Exchange): Answer<void> =>
      serveOn(head, () => exchange.body ?? NO_BODY, exchange, peers.peerOf(socket))
    const failed = (error: unknown): void => log.error('A connection failed unexpectedly', { error })
    connections.multiplexed(new Connection(socket, { clock, limits, date, serve: serveExchange, failed }), socket)
  })
  http1.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgrade(served, request, socket, head, peers.peerOf(request.socket as TLSSocket)).catch(() => socket.destroy())
  })
  server.on('tlsClientError', (_, socket) => {
    metrics?.handshakeFailed()
    socket.destroy()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explain(error, options)))
    server.listen(options.port, options.host, resolve)
  })
  // It listens to nobody, and looks out for slow heads all the same.
  http1.emit('listening')
  server.on('error', (error) => log.error('The listener failed', { error }))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    replaceCertificate({ certificate: cert, key }) {
      server.setSecureContext({ ...TLS, cert, key, ca })
      presented = { cert, key }
    },
    replaceAuthorities(authorities) {
      peers.trust(authorities)
      ca = trustedBy(authorities)
      server.setSecureContext({ ...TLS, ...presented, ca })
    },
    stop,
    close,
    [Symbol.asyncDispose]: () => close(0),
  }

  function stop(): void {
    stopped ??= new Promise((resolve) => server.close(() => resolve()))
    connections.retire()
  }

  function close(graceMs: number): Promise<void> {
    closed ??= (async () => {
      stop()
      await connections.end(graceMs)
      await stopped
      // Stops its look-out.
      http1.close()
    })()
    return closed
  }
}

/** No tickets: a session that is resumed would skip the check of the certificate that it began with. */
const TLS = { minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET } as const

const trustedBy = ({ clientCA, frontProxyCA }: ClientAuthorities): string[] =>
  [clientCA, frontProxyCA].filter((pem) => pem !== undefined).flatMap((pem) => certificatesIn(pem).map(String))

const NO_BODY: AsyncIterable<Uint8Array> = {
  [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }),
}

const nothing = (): void => undefined

function serve(
  { pipeline, lifecycle }: Served,
  head: Head,
  body: () => AsyncIterable<Uint8Array>,
  sink: Sink,
  peer: Peer,
): Answer<void> {
  const refusal = lifecycle.refusalOf(head.url)
  if (refusal !== undefined) return writeBody(head, sink, refusal)
  const client = new Presence()
  sink.stream.on('close', () => client.left())
  let isOwed = true
  const paid = (): void => {
    if (isOwed) lifecycle.end()
    isOwed = false
  }
  const answer = (): Answer<void> => {
    const answered = recovering(
      () => pipeline.handle(new IncomingRequest(head, body, client.patience), peer),
      (error) => replyStatus(statusOf(error)),
    )
    return andThen(answered, (response) => {
      // What follows its source has to be told when the client leaves, and may last; who has a whole answer has not gone away.
      if (response.body.kind === 'watch' || response.body.kind === 'stream') paid()
      else client.answered()
      return writeBody(head, sink, response)
    })
  }
  lifecycle.begin()
  return ending(answer, paid)
}

function explain(error: NodeJS.ErrnoException, { host, port }: ListenOptions): Error {
  if (error.code === 'EADDRINUSE')
    return new Error(`port ${port} is in use by another program; choose another with --api-port`, { cause: error })
  if (error.code === 'EACCES')
    return new Error(`port ${port} needs root; choose one above 1023 with --api-port`, { cause: error })
  if (error.code === 'EADDRNOTAVAIL') return new Error(`${host} is no address of this machine`, { cause: error })
  return error
}
