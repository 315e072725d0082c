import type { TransportRequest, TransportResponse } from '#client'
import { groupsOf } from './discovery.ts'
import { DiscoveryHandler } from './discovery-handler.ts'
import { dump, flowControlMetrics } from './flow-control/index.ts'
import { type HealthCheck, type HealthEndpoint, health } from './health.ts'
import { OpenApiHandler } from './openapi/index.ts'
import type { PipelineOptions } from './pipeline.ts'
import { replyJson, replyPlain } from './response.ts'
import { methodRefused, ROUTED, unroutedPath } from './routes.ts'
import { gitVersion, versionInfo } from './version.ts'

/** A new key must be served so long before tokens are signed with it. */
const KEYS_CACHED = { 'cache-control': 'public, max-age=3600' }

/** Everything that is no resource: discovery, OpenAPI, version, health, key sets, metrics. */
export class NonResourcePaths {
  readonly #options: PipelineOptions
  readonly #discovery: DiscoveryHandler
  readonly #openApi: OpenApiHandler

  constructor(options: PipelineOptions) {
    this.#options = options
    const { catalog, clock } = options
    this.#discovery = new DiscoveryHandler(catalog)
    this.#openApi = new OpenApiHandler({ catalog, clock, version: gitVersion() })
  }

  async serve(request: TransportRequest): Promise<TransportResponse> {
    const { path, query = new URLSearchParams() } = request
    const found =
      (await health(path, query, this.#checks())) ??
      (await this.#discovery.serve(path, request)) ??
      this.#openApi.serve(path, request) ??
      this.#dump(path, query) ??
      (await this.#other(request))
    return found ?? unroutedPath(path, this.#options.catalog)
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
    const bootstrap: HealthCheck = {
      name: 'poststarthook/rbac/bootstrap-roles',
      check: () => (this.#options.isReady() ? undefined : 'not finished'),
    }
    const shutdown: HealthCheck = {
      name: 'shutdown',
      check: () => (this.#options.lifecycle.isInitiated ? 'process is shutting down' : undefined),
    }
    const kms = this.#options.encryption?.healthChecks() ?? []
    return {
      healthz: [ping, store, ...kms, bootstrap],
      livez: [ping, store, ...kms, bootstrap],
      readyz: [ping, store, following, informers, ...kms, bootstrap, shutdown],
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
        const { text, headers } = await metricsText([...metrics, { text: () => flowControlMetrics(flows) }])
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
      '/openapi/v2',
      '/openapi/v3',
      '/openapi/v3/',
      '/version',
      '/.well-known/openid-configuration',
      '/openid/v1/jwks',
    ].sort()
  }
}
