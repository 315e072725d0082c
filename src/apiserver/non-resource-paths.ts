import type { TransportRequest, TransportResponse } from '#client'
import { statusOf } from '#meta'
import { groupsOf } from './discovery.ts'
import { DiscoveryHandler } from './discovery-handler.ts'
import { dump, flowControlMetrics } from './flow-control/index.ts'
import { type HealthCheck, type HealthEndpoint, health } from './health.ts'
import { HealthMetrics } from './health-metrics.ts'
import { OpenApiHandler } from './openapi/index.ts'
import type { PipelineOptions } from './pipeline.ts'
import { replyJson, replyPlain } from './response.ts'
import { methodRefused, ROUTED, unroutedPath } from './routes.ts'
import { gitVersion, versionInfo } from './version.ts'
import { flagz, serveZpage, statusz, type Zpage } from './zpages.ts'

/** A new key must be served so long before tokens are signed with it. */
const KEYS_CACHED = { 'cache-control': 'public, max-age=3600' }

/** What is told of a page that is of no resource. */
const NOTHING = { group: '', version: '', resource: '', subresource: '', component: '' }

const withSizes = (response: TransportResponse, sizes: TransportResponse['sizes']): TransportResponse =>
  sizes === undefined ? response : { ...response, sizes }

/** Everything that is no resource: discovery, OpenAPI, version, health, key sets, metrics. */
export class NonResourcePaths {
  readonly #options: PipelineOptions
  readonly #discovery: DiscoveryHandler
  readonly #openApi: OpenApiHandler
  readonly #healthMetrics = new HealthMetrics()
  readonly #zpages: readonly Zpage[]

  constructor(options: PipelineOptions) {
    this.#options = options
    const { catalog, clock, features, flags } = options
    this.#discovery = new DiscoveryHandler(catalog)
    this.#openApi = new OpenApiHandler({ catalog, clock, version: gitVersion() })
    const status = statusz({ clock, startedAtMs: clock.now(), paths: () => this.#paths().filter((path) => path !== '/statusz') })
    this.#zpages = [
      ...(flags !== undefined && features.isOn('ComponentFlagz') ? [flagz(flags)] : []),
      ...(features.isOn('ComponentStatusz') ? [status] : []),
    ]
  }

  async serve(request: TransportRequest): Promise<TransportResponse> {
    const { path, query = new URLSearchParams() } = request
    const found =
      (await this.#health(path, query)) ??
      (await this.#zpage(request)) ??
      (await this.#discovery.serve(path, request)) ??
      this.#openApi.serve(path, request) ??
      this.#dump(path, query) ??
      (await this.#other(request))
    return found ?? unroutedPath(path, this.#options.catalog)
  }

  async #health(path: string, query: URLSearchParams): Promise<TransportResponse | undefined> {
    const { clock, requests } = this.#options
    const sinceMs = clock.monotonic()
    const response = await health(path, query, this.#checks(), this.#healthMetrics)
    const [, endpoint = '', ...check] = path.split('/')
    // Of single checks nothing is told.
    if (response === undefined || check.length > 0) return response
    const page = { ...NOTHING, subresource: `/${endpoint}` }
    const sizes = requests.pageAnswered(page, response.status, clock.monotonic() - sinceMs)
    return withSizes(response, sizes)
  }

  async #zpage(request: TransportRequest): Promise<TransportResponse | undefined> {
    const page = this.#zpages.find(({ name }) => request.path === `/${name}`)
    if (page === undefined) return undefined
    const { clock, requests, random } = this.#options
    const sinceMs = clock.monotonic()
    const labels = { ...NOTHING, resource: page.name, component: 'apiserver' }
    try {
      const { response, version, isDeprecated } = await serveZpage(page, request, random)
      const counted = version === '' ? labels : { ...labels, group: 'config.k8s.io', version }
      const sizes = requests.pageAnswered(counted, response.status, clock.monotonic() - sinceMs, isDeprecated)
      return withSizes(response, sizes)
    } catch (error) {
      requests.pageAnswered(labels, statusOf(error).code, clock.monotonic() - sinceMs)
      throw error
    }
  }

  #checks(): Readonly<Record<HealthEndpoint, readonly HealthCheck[]>> {
    const ping: HealthCheck = { name: 'ping', check: () => undefined }
    const store: HealthCheck = {
      name: 'etcd',
      check: () => this.#options.store.problem(),
    }
    const following: HealthCheck = {
      name: 'etcd-readiness',
      check: () =>
        this.#options.registry.cache.isFollowing ? this.#options.store.problem() : 'the watch cache is behind the store',
    }
    const informers: HealthCheck = {
      name: 'informer-sync',
      check: () => (this.#options.registry.cache.isFollowing ? undefined : 'the watch cache is behind the store'),
    }
    const hooks = this.#options.hooks.checks
    const shutdown: HealthCheck = {
      name: 'shutdown',
      check: () => (this.#options.lifecycle.isInitiated ? 'process is shutting down' : undefined),
    }
    const kms = this.#options.encryption?.healthChecks() ?? []
    return {
      healthz: [ping, store, ...kms, ...hooks],
      livez: [ping, store, ...kms, ...hooks],
      readyz: [ping, store, following, informers, ...kms, ...hooks, shutdown],
    }
  }

  #dump(path: string, query: URLSearchParams): TransportResponse | undefined {
    const text = dump(path, query, this.#options.flows)
    return text === undefined ? undefined : replyPlain(text)
  }

  async #other({ method, path }: TransportRequest): Promise<TransportResponse | undefined> {
    const { tokens } = this.#options
    if (ROUTED.includes(path) && method !== 'GET') throw methodRefused()
    switch (path) {
      case '/':
      case '/index.html':
        return replyJson({ paths: this.#paths() })
      case '/version':
        return replyJson(versionInfo())
      case '/.well-known/openid-configuration':
        return replyJson(tokens.discovery(), KEYS_CACHED, 0)
      case '/openid/v1/jwks':
        return replyJson(tokens.keys.keySet(), { ...KEYS_CACHED, 'content-type': 'application/jwk-set+json' }, 0)
      case '/metrics': {
        const { metricsText } = await import('./metrics.ts')
        const { flows, metrics } = this.#options
        const { text, headers } = await metricsText([...metrics, this.#discovery, { text: () => flowControlMetrics(flows) }])
        return { status: 200, headers, body: { kind: 'bytes', bytes: Buffer.from(text) } }
      }
      case '/metrics/slis': {
        const { indicatorsText } = await import('./metrics.ts')
        const { text, headers } = await indicatorsText(this.#healthMetrics)
        return { status: 200, headers, body: { kind: 'bytes', bytes: Buffer.from(text) } }
      }
      default:
        return undefined
    }
  }

  #paths(): string[] {
    const versions = groupsOf(this.#options.catalog).flatMap(({ group, versions: each }) =>
      group === '' ? ['/api', '/api/v1'] : [`/apis/${group}`, ...each.map((version) => `/apis/${group}/${version}`)],
    )
    const checks = Object.entries(this.#checks()).flatMap(([endpoint, each]) => [
      `/${endpoint}`,
      ...each.map(({ name }) => `/${endpoint}/${name}`),
    ])
    return [
      ...versions,
      ...checks,
      '/apis',
      '/apis/',
      '/metrics',
      '/metrics/slis',
      ...this.#zpages.map(({ name }) => `/${name}`),
      '/openapi/v2',
      '/openapi/v3',
      '/openapi/v3/',
      '/version',
      '/.well-known/openid-configuration',
      '/openid/v1/jwks',
    ].sort()
  }
}
