import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:https'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Clock, Log } from '#base'
import type { Runtime } from '../runtimes/runtime.ts'
import type { AccessControl } from './access.ts'
import { fail, type KubeletView } from './endpoint.ts'
import { endpoints } from './endpoints.ts'

export interface ServeOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly tls: { readonly certificate: string; readonly key: string; readonly clientCA: string }
}

export interface KubeletServer extends AsyncDisposable {
  readonly port: number
  /** New connections get this certificate; those that are there stay. */
  replaceCertificate(pair: { readonly certificate: string; readonly key: string }): void
}

export interface ServerDependencies {
  readonly view: KubeletView
  readonly access: AccessControl
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
  const { certificate, key, clientCA } = options.tls
  const server: Server = createServer({ cert: certificate, key, ca: clientCA, requestCert: true, rejectUnauthorized: false })
  const sockets = new Set<Duplex>()
  server.on('secureConnection', (socket: TLSSocket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('tlsClientError', () => undefined)
  server.on('request', (request, response) => {
    handle(request, response, dependencies).catch((error: unknown) => {
      dependencies.log.debug('A kubelet request failed', { path: request.url, error })
      if (response.headersSent) response.destroy()
      else fail({ response }, 500, error instanceof Error ? error.message : String(error))
    })
  })
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    upgrade(request, socket, head, dependencies).catch((error: unknown) =>
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
    replaceCertificate: (pair) => server.setSecureContext({ cert: pair.certificate, key: pair.key, ca: clientCA }),
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Undefined for a path that cannot be decoded. */
function parse(request: IncomingMessage): { path: string; parts: readonly string[]; query: URLSearchParams } | undefined {
  try {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://kubelet')
    const parts = pathname
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent)
    return { path: `/${parts.join('/')}`, parts, query: searchParams }
  } catch {
    return undefined
  }
}

async function handle(request: IncomingMessage, response: ServerResponse, dependencies: ServerDependencies): Promise<void> {
  const target = parse(request)
  if (target === undefined) return fail({ response }, 400, 'Bad Request')
  const { refusal } = await dependencies.access.check(request, target.path)
  if (refusal !== undefined) return fail({ response }, refusal.status, refusal.message)
  const [first, ...parts] = target.parts
  const endpoint = endpoints.find(({ path }) => path === first)
  if (endpoint === undefined) return fail({ response }, 404, '404 page not found')
  const { view, runtime, clock } = dependencies
  await endpoint.handle({ request, response, parts, query: target.query, view, runtime, clock })
}

async function upgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  { access, view, upgrades }: ServerDependencies,
): Promise<void> {
  const target = parse(request)
  if (target === undefined) return refuseUpgrade(socket, 400, 'Bad Request')
  const { refusal } = await access.check(request, target.path)
  if (refusal !== undefined) return refuseUpgrade(socket, refusal.status, refusal.message)
  const [action = '', namespace = '', pod = '', container = ''] = target.parts
  if (view.pod(namespace, pod) === undefined) return refuseUpgrade(socket, 404, `pod does not exist`)
  const id = action === 'portForward' ? view.sandbox(namespace, pod) : view.container(namespace, pod, container)?.id
  if (id === undefined) return refuseUpgrade(socket, 404, `container not found (${JSON.stringify(container)})`)
  await upgrades(request, socket, head, { action, id, query: target.query })
}

const PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
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
