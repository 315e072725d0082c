import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:https'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { TLSSocket } from 'node:tls'
import type { Pod } from '#api'
import type { Log } from '#base'
import type { Runtime } from '../runtimes/runtime.ts'
import { readLog } from './logs.ts'

export interface ServeOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly tls: { readonly certificate: string; readonly key: string; readonly clientCA: string }
}

/** What the server reads of the kubelet. */
export interface KubeletView {
  pods(): readonly Pod[]
  /** The newest container of that name, or the one before it. */
  container(
    namespace: string,
    pod: string,
    container: string,
    previous: boolean,
  ): { readonly id: string; readonly logPath: string; readonly running: boolean } | undefined
  sandbox(namespace: string, pod: string): string | undefined
  /** Resolves when the container has ended. */
  ended(containerId: string): Promise<void>
}

export interface KubeletServer extends AsyncDisposable {
  readonly port: number
}

/** Opens streams that arrive as upgrades: exec, attach, port-forward. */
export type UpgradeHandler = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  target: { readonly action: string; readonly id: string; readonly query: URLSearchParams },
) => Promise<void>

/** The kubelet's HTTPS endpoints; only holders of a client certificate may use them (the API server, monitoring). */
export async function serveKubelet(
  options: ServeOptions,
  view: KubeletView,
  upgradeHandler: UpgradeHandler,
  { runtime, log }: { runtime: Runtime; log: Log },
): Promise<KubeletServer> {
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
    handle(request, response, view, runtime).catch((error: unknown) => {
      log.debug('A kubelet request failed', { path: request.url, error })
      if (response.headersSent) response.destroy()
      else fail(response, 500, error instanceof Error ? error.message : String(error))
    })
  })
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    upgrade(request, socket, head, view, upgradeHandler).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error)
      socket.end(
        `HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(message)}\r\nconnection: close\r\n\r\n${message}`,
      )
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

const isTrusted = (request: IncomingMessage): boolean => (request.socket as TLSSocket).authorized

async function handle(request: IncomingMessage, response: ServerResponse, view: KubeletView, runtime: Runtime): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://kubelet')
  const [action = '', ...parts] = url.pathname
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent)
  if (action === 'healthz') return answer(response, 200, 'ok', 'text/plain')
  if (!isTrusted(request)) return fail(response, 401, 'Unauthorized')
  switch (action) {
    case 'pods':
      return answer(
        response,
        200,
        JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: view.pods() }),
        'application/json',
      )
    case 'containerLogs':
      return containerLogs(request, response, view, parts, url.searchParams)
    case 'stats':
      return answer(response, 200, JSON.stringify(await statsSummary(runtime)), 'application/json')
    case 'metrics': {
      const { Registry, collectDefaultMetrics } = await import('prom-client')
      const registry = new Registry()
      collectDefaultMetrics({ register: registry })
      return answer(response, 200, await registry.metrics(), registry.contentType)
    }
    default:
      return fail(response, 404, '404 page not found')
  }
}

async function containerLogs(
  request: IncomingMessage,
  response: ServerResponse,
  view: KubeletView,
  parts: readonly string[],
  query: URLSearchParams,
): Promise<void> {
  const [namespace = '', pod = '', name = ''] = parts
  const previous = query.get('previous') === 'true'
  const container = view.container(namespace, pod, name, previous)
  if (container === undefined) {
    const what = `container ${JSON.stringify(name)} in pod ${JSON.stringify(pod)}`
    return fail(
      response,
      400,
      previous ? `previous terminated ${what} not found` : `${what} is waiting to start: ContainerCreating`,
    )
  }
  const controller = new AbortController()
  request.on('close', () => controller.abort())
  response.on('close', () => controller.abort())
  const number = (parameter: string): number | undefined => (query.has(parameter) ? Number(query.get(parameter)) : undefined)
  const sinceSeconds = number('sinceSeconds')
  const sinceTime = query.get('sinceTime')
  const follow = query.get('follow') === 'true' && !previous
  response.writeHead(200, { 'content-type': 'text/plain' })
  response.flushHeaders()
  const text = readLog(container.logPath, {
    follow,
    tailLines: number('tailLines'),
    limitBytes: number('limitBytes'),
    sinceMs:
      sinceTime === null
        ? sinceSeconds === undefined
          ? undefined
          : performance.timeOrigin + performance.now() - sinceSeconds * 1000
        : Date.parse(sinceTime),
    timestamps: query.get('timestamps') === 'true',
    stream: (query.get('stream') ?? 'All') as 'All',
    signal: controller.signal,
    ended: container.running ? view.ended(container.id) : Promise.resolve(),
  })
  try {
    await pipeline(text, response)
  } catch (error) {
    if (!controller.signal.aborted) throw error
  }
}

async function statsSummary(runtime: Runtime): Promise<unknown> {
  const stats = await runtime.containerStats()
  return {
    node: {},
    pods: stats.map(({ labels, cpuUsageNanoseconds, memoryWorkingSetBytes }) => ({
      podRef: labels,
      cpu: { usageCoreNanoSeconds: cpuUsageNanoseconds },
      memory: { workingSetBytes: memoryWorkingSetBytes },
    })),
  }
}

async function upgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  view: KubeletView,
  handler: UpgradeHandler,
): Promise<void> {
  if (!isTrusted(request)) throw new Error('Unauthorized')
  const url = new URL(request.url ?? '/', 'https://kubelet')
  const [action = '', namespace = '', pod = '', container = ''] = url.pathname
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent)
  const id = action === 'portForward' ? view.sandbox(namespace, pod) : view.container(namespace, pod, container, false)?.id
  if (id === undefined) throw new Error(`container not found (${JSON.stringify(container)})`)
  await handler(request, socket, head, { action, id, query: url.searchParams })
}

function answer(response: ServerResponse, status: number, body: string, type: string): void {
  response.writeHead(status, { 'content-type': type })
  response.end(body)
}

const fail = (response: ServerResponse, status: number, message: string): void => answer(response, status, message, 'text/plain')
