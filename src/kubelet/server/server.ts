import { constants } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:https'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { type Clock, type Log, systemClock } from '#base'
import { PeerReader } from '#client'
import type { Runtime } from '../runtimes/runtime.ts'
import type { AccessControl } from './access.ts'
import { fail, type KubeletView } from './endpoint.ts'
import { endpoints } from './endpoints.ts'

export interface ServeOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly tls: { readonly certificate: string; readonly key: string; readonly clientCA: string }
  /** By which clients' certificates are found to have expired; handshakes go by the machine's. */
  readonly clock?: Clock | undefined
  readonly limits?: Partial<ConnectionLimits> | undefined
}

/** For how long a client may let us wait, in milliseconds. */
export interface ConnectionLimits {
  /** For TLS to be set up. */
  readonly handshakeMs: number
  /** For the whole head of a request. */
  readonly headersMs: number
  /** For a whole request, of which nothing but the head is read. */
  readonly requestMs: number
  /** Between two requests, or for the first. */
  readonly idleMs: number
  /** Between two looks at who has taken too long. */
  readonly checkEveryMs: number
}

/** As the API server's. */
const LIMITS: ConnectionLimits = {
  handshakeMs: 10_000,
  headersMs: 32_000,
  requestMs: 60_000,
  idleMs: 90_000,
  checkEveryMs: 5_000,
}

export interface KubeletServer extends AsyncDisposable {
  readonly port: number
  /** New connections get this certificate; those that are there stay. */
  replaceCertificate(pair: { readonly certificate: string; readonly key: string }): void
  /** Whom to believe from now on, on connections that are there as well; PEM, may hold several authorities. Throws when there is none in it. */
  replaceAuthority(clientCA: string): void
}

export interface ServerDependencies {
  readonly view: KubeletView
  access(peers: PeerReader): Pick<AccessControl, 'check'>
  readonly upgrades: UpgradeHandler
  readonly runtime: Runtime
  readonly clock: Clock
  readonly log: Log
}

/** Opens streams that arrive as upgrades: exec, attach, port-forward. */
export type UpgradeHandler = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  target: { readonly action: string; readonly id: string; readonly query: URLSearchParams },
) => Promise<void>

/** The kubelet's HTTPS endpoints. Every request is authenticated and authorised before anything else is looked at. */
export async function serveKubelet(options: ServeOptions, dependencies: ServerDependencies): Promise<KubeletServer> {
  const { createServer } = await import('node:https')
  let { clientCA } = options.tls
  let presented = { cert: options.tls.certificate, key: options.tls.key }
  const limits = { ...LIMITS, ...options.limits }
  const server: Server = createServer({
    ...TLS,
    ...presented,
    ca: clientCA,
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: limits.handshakeMs,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: limits.checkEveryMs,
    shouldUpgradeCallback: (request) => isStream(request),
  })
  const peers = new PeerReader({ clientCA }, options.clock ?? systemClock)
  const access = dependencies.access(peers)
  const context: Served = { ...dependencies, access }
  const sockets = new Set<Duplex>()
  server.on('secureConnection', (socket: TLSSocket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('tlsClientError', () => undefined)
  server.on('request', (request, response) => {
    handle(request, response, context).catch((error: unknown) => {
      dependencies.log.debug('A kubelet request failed', { path: request.url, error })
      if (response.headersSent) response.destroy()
      else fail({ response }, 500, error instanceof Error ? error.message : String(error))
    })
  })
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    upgrade(request, socket, head, context).catch((error: unknown) =>
      refuseUpgrade(socket, 500, error instanceof Error ? error.message : String(error)),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    replaceCertificate({ certificate: cert, key }) {
      server.setSecureContext({ ...TLS, cert, key, ca: clientCA })
      presented = { cert, key }
    },
    replaceAuthority(authority) {
      peers.trust({ clientCA: authority })
      clientCA = authority
      server.setSecureContext({ ...TLS, ...presented, ca: clientCA })
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

interface Served extends Omit<ServerDependencies, 'access'> {
  readonly access: Pick<AccessControl, 'check'>
}

/** No tickets: a session that is resumed would skip the check of the certificate that it began with. */
const TLS = { minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET } as const

/** What is a stream between the client and a container; everywhere else the wish for another protocol is passed over. */
const STREAMS: ReadonlySet<string | undefined> = new Set(['exec', 'attach', 'portForward'])

const isStream = (request: IncomingMessage): boolean => STREAMS.has(parse(request)?.parts[0])

/** Undefined for a path that cannot be decoded. */
function parse(request: IncomingMessage): { path: string; parts: readonly string[]; query: URLSearchParams } | undefined {
  try {
    const { url = '/' } = request
    // Two slashes would begin the name of a host.
    const { pathname, searchParams } = new URL(url.startsWith('/') ? `https://kubelet${url}` : url)
    const parts = pathname
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent)
    return { path: `/${parts.join('/')}`, parts, query: searchParams }
  } catch {
    return undefined
  }
}

async function handle(request: IncomingMessage, response: ServerResponse, dependencies: Served): Promise<void> {
  // HTTP/0.9 has no heads, so nobody is named.
  if (request.httpVersionMajor < 1) return void request.socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n')
  const target = parse(request)
  if (target === undefined) return fail({ response }, 400, 'Bad Request')
  const { refusal } = await dependencies.access.check(request, target.path)
  if (refusal !== undefined) return fail({ response }, refusal.status, refusal.message)
  const [first, ...parts] = target.parts
  if (STREAMS.has(first)) return fail({ response }, 400, 'Upgrade request required')
  const endpoint = endpoints.find(({ path }) => path === first)
  if (endpoint === undefined) return fail({ response }, 404, '404 page not found')
  if (!(endpoint.methods ?? READING).includes(request.method ?? '')) return fail({ response }, 405, '405: Method Not Allowed')
  const { view, runtime, clock } = dependencies
  await endpoint.handle({ request, response, parts, query: target.query, view, runtime, clock })
}

async function upgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  { access, view, upgrades }: Served,
): Promise<void> {
  const target = parse(request)
  if (target === undefined) return refuseUpgrade(socket, 400, 'Bad Request')
  const { refusal } = await access.check(request, target.path)
  if (refusal !== undefined) return refuseUpgrade(socket, refusal.status, refusal.message)
  if (!OPENING.includes(request.method ?? '')) return refuseUpgrade(socket, 405, '405: Method Not Allowed')
  const [action = '', namespace = '', pod = '', container = ''] = target.parts
  if (view.pod(namespace, pod) === undefined) return refuseUpgrade(socket, 404, `pod does not exist`)
  const id = action === 'portForward' ? view.sandbox(namespace, pod) : view.container(namespace, pod, container)?.id
  if (id === undefined) return refuseUpgrade(socket, 404, `container not found (${JSON.stringify(container)})`)
  await upgrades(request, socket, head, { action, id, query: target.query })
}

/** By which methods something is read, and a stream is opened. */
const READING: readonly string[] = ['GET']
const OPENING: readonly string[] = ['GET', 'POST']

const PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  500: 'Internal Server Error',
}

function refuseUpgrade(socket: Duplex, status: number, message: string): void {
  socket.end(
    [
      `HTTP/1.1 ${status} ${PHRASES[status] ?? ''}`,
      'content-type: text/plain; charset=utf-8',
      `content-length: ${Buffer.byteLength(message)}`,
      'connection: close',
      '',
      message,
    ].join('\r\n'),
  )
}
