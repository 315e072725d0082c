import type { Agent } from 'node:https'
import type { Clock, Random } from '#base'
import { endpointOf, findService } from './service-endpoint.ts'
import type { WatchCache } from './watch-cache/watch-cache.ts'

/** Where a webhook is: `clientConfig` of webhook configurations and of conversions. */
export interface WebhookTarget {
  readonly url?: string | undefined
  readonly service?:
    | {
        readonly namespace: string
        readonly name: string
        readonly path?: string | undefined
        readonly port?: number | undefined
      }
    | undefined
  /** PEM in base64; the system's authorities when absent. */
  readonly caBundle?: string | undefined
}

export interface WebhookCallerDependencies {
  readonly cache: WatchCache
  readonly clock: Clock
  readonly random: Random
}

const AGENTS_MAX = 100
const SOCKETS_PER_WEBHOOK_MAX = 25
const ANSWER_BYTES_MAX = 32 * 1024 * 1024

/** Calls webhooks: over kept connections, straight to an endpoint of their Service, with the certificate checked against the Service's name. */
export class WebhookCaller implements Disposable {
  readonly #dependencies: WebhookCallerDependencies
  readonly #agents = new Map<string, Agent>()

  constructor(dependencies: WebhookCallerDependencies) {
    this.#dependencies = dependencies
  }

  /** Posts a review and resolves with the decoded answer. Rejects with an Error that says why there is none. */
  async post(target: WebhookTarget, review: unknown, timeoutMs: number): Promise<unknown> {
    const address = this.#address(target)
    const shown = `Post ${JSON.stringify(`${address.url}?timeout=${timeoutMs / 1000}s`)}`
    const expired = new AbortController()
    using _timer = this.#dependencies.clock.after(timeoutMs, () => expired.abort(new Error('context deadline exceeded')))
    let answer: { readonly status: number; readonly body: string }
    try {
      answer = await this.#send(address, target, JSON.stringify(review), timeoutMs, expired.signal)
    } catch (error) {
      const cause = expired.signal.aborted ? (expired.signal.reason as Error) : (error as Error)
      throw new Error(`${shown}: ${cause.message}`, { cause: error })
    }
    if (answer.status !== 200)
      throw new Error(`the server responded with the status code ${answer.status} but did not return more information`)
    try {
      return JSON.parse(answer.body) as unknown
    } catch (error) {
      throw new Error(`couldn't get version/kind; json parse error: ${(error as Error).message}`, { cause: error })
    }
  }

  [Symbol.dispose](): void {
    for (const agent of this.#agents.values()) agent.destroy()
    this.#agents.clear()
  }

  #address({ url, service }: WebhookTarget): { url: string; host: string; port: number; serverName: string; path: string } {
    if (service === undefined) {
      const { hostname, port, pathname, search } = new URL(url!)
      const host = hostname.replace(/^\[|\]$/g, '')
      return { url: url!, host, port: port === '' ? 443 : Number(port), serverName: host, path: pathname + search }
    }
    const { namespace, name, path = '', port = 443 } = service
    const serverName = `${name}.${namespace}.svc`
    const endpoint = endpointOf(findService(this.#dependencies.cache, namespace, name), String(port), this.#dependencies)
    const rooted = path === '' || path.startsWith('/') ? path || '/' : `/${path}`
    return { url: `https://${serverName}:${port}${rooted}`, ...endpoint, serverName, path: rooted }
  }

  async #send(
    address: { host: string; port: number; serverName: string; path: string },
    { caBundle }: WebhookTarget,
    body: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<{ status: number; body: string }> {
    const { request } = await import('node:https')
    const agent = await this.#agent(`${address.host}:${address.port} ${address.serverName} ${caBundle ?? ''}`)
    const { isIP } = await import('node:net')
    return new Promise((resolve, reject) => {
      const outgoing = request({
        method: 'POST',
        host: address.host,
        port: address.port,
        path: `${address.path}${address.path.includes('?') ? '&' : '?'}timeout=${timeoutMs / 1000}s`,
        ...(isIP(address.serverName) === 0 && { servername: address.serverName }),
        ...(caBundle && { ca: Buffer.from(caBundle, 'base64').toString() }),
        headers: {
          host: address.serverName,
          accept: 'application/json, */*',
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        },
        agent,
        signal,
      })
      outgoing.on('error', reject)
      outgoing.on('response', (response) => {
        const chunks: Buffer[] = []
        let length = 0
        response.on('data', (chunk: Buffer) => {
          length += chunk.length
          if (length > ANSWER_BYTES_MAX) response.destroy(new Error(`the answer is longer than ${ANSWER_BYTES_MAX} bytes`))
          else chunks.push(chunk)
        })
        response.on('error', reject)
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }))
      })
      outgoing.end(body)
    })
  }

  async #agent(key: string): Promise<Agent> {
    const known = this.#agents.get(key)
    if (known !== undefined) return known
    const { Agent } = await import('node:https')
    if (this.#agents.size >= AGENTS_MAX) this[Symbol.dispose]()
    const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_PER_WEBHOOK_MAX })
    this.#agents.set(key, agent)
    return agent
  }
}
