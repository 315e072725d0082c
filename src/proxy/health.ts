import type { Server, ServerResponse } from 'node:http'
import type { Clock, Log } from '#base'
import type { ServiceRules } from './rules.ts'
import type { SyncLoop } from './sync-loop.ts'

/** Changes that wait longer than this make the proxy unhealthy. */
const PENDING_MAX_MS = 60_000

export interface Address {
  readonly host: string
  readonly port: number
}

/** `/healthz` and `/livez` of the proxy. Healthy: no change has waited long; eligible: the node is not on its way out. */
export async function serveHealth(
  listen: Address,
  options: { readonly clock: Clock; readonly loop: SyncLoop; readonly nodeEligible: () => boolean },
): Promise<Listening> {
  const { clock, loop, nodeEligible } = options
  return listenOn(listen, (path, response) => {
    const nowMs = clock.now()
    const isHealthy = nowMs - (loop.pendingSinceMs ?? nowMs) <= PENDING_MAX_MS
    const eligible = nodeEligible()
    if (path !== '/healthz' && path !== '/livez') return answer(response, 404, 'not found')
    const isOk = isHealthy && (path === '/livez' || eligible)
    const lastUpdated = new Date(isHealthy ? nowMs : loop.syncedMs).toISOString()
    answer(response, isOk ? 200 : 503, {
      lastUpdated,
      currentTime: new Date(nowMs).toISOString(),
      ...(path === '/healthz' && { nodeEligible: eligible }),
    })
  })
}

/** For each Service with external policy Local, a port on which load balancers ask whether this node has endpoints. */
export class ServiceHealthPorts implements AsyncDisposable {
  readonly #host: string
  readonly #log: Log
  readonly #ports = new Map<number, { key: string; localEndpoints: number; readonly listening: Promise<Listening | undefined> }>()

  constructor(options: { readonly host: string; readonly log: Log }) {
    this.#host = options.host
    this.#log = options.log
  }

  update(rules: Iterable<ServiceRules>): void {
    const wanted = new Map<number, { readonly key: string; readonly localEndpoints: number }>()
    for (const { key, healthCheck } of rules)
      if (healthCheck !== undefined) wanted.set(healthCheck.port, { key, localEndpoints: healthCheck.localEndpoints })
    for (const [port, { listening }] of this.#ports) {
      if (wanted.has(port)) continue
      this.#ports.delete(port)
      void listening.then((server) => server?.[Symbol.asyncDispose]())
    }
    for (const [port, { key, localEndpoints }] of wanted) {
      const open = this.#ports.get(port)
      if (open === undefined) this.#ports.set(port, { key, localEndpoints, listening: this.#open(port) })
      else Object.assign(open, { key, localEndpoints })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#ports.values()]
    this.#ports.clear()
    await Promise.all(all.map(async ({ listening }) => (await listening)?.[Symbol.asyncDispose]()))
  }

  async #open(port: number): Promise<Listening | undefined> {
    try {
      return await listenOn({ host: this.#host, port }, (_, response) => {
        const { key, localEndpoints } = this.#ports.get(port) ?? { key: '/', localEndpoints: 0 }
        const [namespace, name] = key.split('/')
        response.setHeader('X-Content-Type-Options', 'nosniff')
        response.setHeader('X-Load-Balancing-Endpoint-Weight', String(localEndpoints))
        answer(response, localEndpoints > 0 ? 200 : 503, {
          service: { namespace, name },
          localEndpoints,
          serviceProxyHealthy: true,
        })
      })
    } catch (error) {
      this.#log.warn('A health check port cannot be opened', { port, error })
      return undefined
    }
  }
}

export interface Listening extends AsyncDisposable {
  readonly port: number
}

async function listenOn({ host, port }: Address, handle: (path: string, response: ServerResponse) => void): Promise<Listening> {
  const { createServer } = await import('node:http')
  const server: Server = createServer((request, response) => handle((request.url ?? '/').split('?')[0]!, response))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const address = server.address()
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { port: typeof address === 'object' && address !== null ? address.port : port, [Symbol.asyncDispose]: close }
}

function answer(response: ServerResponse, code: number, body: string | object): void {
  response.writeHead(code, { 'Content-Type': typeof body === 'string' ? 'text/plain' : 'application/json' })
  response.end(typeof body === 'string' ? body : `${JSON.stringify(body)}\n`)
}
