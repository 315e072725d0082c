import type { Agent } from 'node:https'
import type { Clock, Random } from '#base'
import { callHttps } from './https-call.ts'
import { endpointOf, findService } from './service-endpoint.ts'
import type { WatchCache } from './watch-cache/watch-cache.ts'
import { documentIn, type WebhookHttpAnswer } from './webhook-answer.ts'

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

/** How this server proves itself to a webhook. */
export interface WebhookCredentials {
  /** Tells them from others'. */
  readonly name: string
  readonly certificate?: string | undefined
  readonly key?: string | undefined
  /** As it stands, or asked for before each request. */
  readonly token?: string | ((options: { readonly refresh: boolean }) => Promise<string>) | undefined
  /** `user:password` */
  readonly basic?: string | undefined
}

export interface PostOptions {
  readonly timeoutMs: number
  readonly answerBytesMax?: number
  readonly credentials?: WebhookCredentials | undefined
}

export interface WebhookCallerDependencies {
  readonly cache: WatchCache
  readonly clock: Clock
  readonly random: Random
}

const AGENTS_MAX = 100
const SOCKETS_PER_WEBHOOK_MAX = 25
const ANSWER_BYTES_MAX = 32 * 1024 * 1024

const HTTPS_PORT = 443
/** As upstream's clients of webhooks name themselves. */
const USER_AGENT = 'kube-apiserver-admission'

interface Address {
  readonly host: string
  readonly port: number
  readonly serverName: string
  /** Host and port as the target names them. */
  readonly shown: string
  readonly path: string
}

/** As messages name it; of a Service the name that its certificate must bear. */
export function urlOf({ url, service }: WebhookTarget): string {
  if (service === undefined) return url!
  const { namespace, name, path = '', port = HTTPS_PORT } = service
  return `https://${name}.${namespace}.svc:${port}${path.startsWith('/') ? path : `/${path}`}`
}

const withTimeout = (url: string, timeoutMs: number): string =>
  `${url}${url.includes('?') ? '&' : '?'}timeout=${timeoutMs / 1000}s`

/** Calls webhooks: over kept connections, straight to an endpoint of their Service, with the certificate checked against the Service's name. */
export class WebhookCaller implements Disposable {
  readonly #dependencies: WebhookCallerDependencies
  readonly #agents = new Map<string, Agent>()

  constructor(dependencies: WebhookCallerDependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Posts a review and resolves with the decoded answer, of at most `answerBytesMax` bytes. Follows no redirect. Rejects with an Error that says why
   * there is none.
   */
  async post(target: WebhookTarget, review: unknown, options: PostOptions): Promise<unknown> {
    const { timeoutMs } = options
    const shown = `Post ${JSON.stringify(withTimeout(urlOf(target), timeoutMs))}`
    let address: Address
    try {
      address = this.#address(target)
    } catch (error) {
      throw new Error(`${shown}: ${(error as Error).message}`, { cause: error })
    }
    const expired = new AbortController()
    using _timer = this.#dependencies.clock.after(timeoutMs, () => expired.abort(new Error('context deadline exceeded')))
    let answer: WebhookHttpAnswer
    try {
      answer = await this.#send(address, target, JSON.stringify(review), { ...options, signal: expired.signal })
    } catch (error) {
      const why = expired.signal.aborted ? (expired.signal.reason as Error).message : explain(error as ConnectionError)
      throw new Error(`${shown}: ${why}`, { cause: error })
    }
    return documentIn(answer)
  }

  [Symbol.dispose](): void {
    for (const agent of this.#agents.values()) agent.destroy()
    this.#agents.clear()
  }

  #address(target: WebhookTarget): Address {
    const { host, hostname, port, pathname, search } = new URL(urlOf(target))
    const { service } = target
    // A URL drops the port that every Service has.
    const shown = service === undefined ? host : `${hostname}:${service.port ?? HTTPS_PORT}`
    const own = { shown, serverName: hostname.replace(/^\[|\]$/g, ''), path: pathname + search }
    if (service === undefined) return { ...own, host: own.serverName, port: port === '' ? HTTPS_PORT : Number(port) }
    const { namespace, name, port: servicePort = HTTPS_PORT } = service
    const found = findService(this.#dependencies.cache, namespace, name)
    if (found.spec?.type === 'ExternalName') return { ...own, host: found.spec.externalName ?? '', port: servicePort }
    return { ...own, ...endpointOf(found, String(servicePort), this.#dependencies) }
  }

  async #send(
    address: Address,
    { caBundle }: WebhookTarget,
    body: string,
    { timeoutMs, answerBytesMax = ANSWER_BYTES_MAX, credentials, signal }: PostOptions & { readonly signal: AbortSignal },
  ): Promise<WebhookHttpAnswer> {
    // A connection is of one proof alone.
    const key = [address.host, address.port, address.serverName, credentials?.name ?? '', caBundle ?? '']
    const agent = await this.#agent(JSON.stringify(key))
    const { isIP } = await import('node:net')
    const options = {
      method: 'POST',
      host: address.host,
      port: address.port,
      path: withTimeout(address.path, timeoutMs),
      ...(isIP(address.serverName) === 0 && { servername: address.serverName }),
      ...(caBundle && { ca: Buffer.from(caBundle, 'base64').toString() }),
      ...(credentials?.certificate !== undefined && { cert: credentials.certificate, key: credentials.key }),
      headers: {
        host: address.shown,
        'user-agent': USER_AGENT,
        accept: 'application/json, */*',
        'content-type': 'application/json',
        ...(await authorizationOf(credentials)),
      },
      agent,
    }
    return callHttps(options, body, { answerBytesMax, signal })
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

async function authorizationOf({ token, basic }: Partial<WebhookCredentials> = {}): Promise<{ authorization?: string }> {
  const bearer = typeof token === 'function' ? await token({ refresh: false }) : token
  if (bearer !== undefined) return { authorization: `Bearer ${bearer}` }
  return basic === undefined ? {} : { authorization: `Basic ${Buffer.from(basic).toString('base64')}` }
}

const UNKNOWN_AUTHORITY = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** What Node says of a connection that did not come to be. */
interface ConnectionError extends NodeJS.ErrnoException {
  readonly address?: string
  readonly port?: number
  readonly hostname?: string
  /** The name that a certificate does not bear, and the certificate. */
  readonly host?: string
  readonly cert?: { readonly subjectaltname?: string }
}

/** How Go says that a certificate is another's. */
function misnamed(host: string, cert: ConnectionError['cert']): string {
  const name = host.replace(/\.$/, '')
  const names = (cert?.subjectaltname ?? '').split(', ').map((each) => each.split(':') as [kind: string, ...rest: string[]])
  const isAddress = /^[\d.]+$|:/.test(name)
  const wanted = isAddress ? 'IP Address' : 'DNS'
  const borne = names.filter(([kind]) => kind === wanted).map(([, ...rest]) => rest.join(':'))
  if (borne.length > 0) return `certificate is valid for ${borne.join(', ')}, not ${name}`
  return isAddress
    ? `cannot validate certificate for ${name} because it doesn't contain any IP SANs`
    : `certificate is not valid for any names, but wanted to match ${name}`
}

function explain({ code = '', message, address = '', port, hostname = '', host = '', cert }: ConnectionError): string {
  if (code === 'ECONNREFUSED')
    return `dial tcp ${address.includes(':') ? `[${address}]` : address}:${port}: connect: connection refused`
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${hostname}: no such host`
  if (UNKNOWN_AUTHORITY.has(code)) return 'tls: failed to verify certificate: x509: certificate signed by unknown authority'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `tls: failed to verify certificate: x509: ${misnamed(host, cert)}`
  if (code === 'CERT_HAS_EXPIRED') return 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid'
  return code === 'ECONNRESET' ? 'EOF' : message
}
