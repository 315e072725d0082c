import type { TransportRequest, TransportResponse, UserInfo } from '#client'
import { failure } from '#meta'
import { groupsOf } from './discovery.ts'
import { DiscoveryHandler } from './discovery-handler.ts'
import { dump } from './flow-control/index.ts'
import { type HealthCheck, health } from './health.ts'
import { OpenApiHandler } from './openapi/index.ts'
import type { PipelineOptions } from './pipeline.ts'
import { replyJson, replyText } from './response.ts'
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

  async serve(request: TransportRequest, _user: UserInfo): Promise<TransportResponse> {
    const path = request.path.length > 1 ? request.path.replace(/\/+$/, '') : request.path
    const query = request.query ?? new URLSearchParams()
    const found =
      (await health(path, query, this.#checks())) ??
      (await this.#discovery.serve(path, request)) ??
      this.#openApi.serve(path, request) ??
      this.#dump(path, query) ??
      (await this.#other(path))
    if (found === undefined) throw failure(404, 'NotFound', 'the server could not find the requested resource', {})
    return found
  }

  #checks(): Readonly<Record<'healthz' | 'livez' | 'readyz', readonly HealthCheck[]>> {
    const ping: HealthCheck = { name: 'ping', check: () => undefined }
    const store: HealthCheck = {
      name: 'etcd',
      check: () => this.#options.store.problem(),
    }
    const following: HealthCheck = {
      name: 'etcd-readiness',
      check: () =>
        this.#options.registry.cache.isFollowing
          ? (this.#options.registry.cache.damage ?? this.#options.store.problem())
          : 'the watch cache is behind the store',
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
      readyz: [ping, store, following, ...kms, bootstrap, shutdown],
    }
  }

  #dump(path: string, query: URLSearchParams): TransportResponse | undefined {
    const text = dump(path, query, this.#options.flows)
    return text === undefined ? undefined : replyText(200, text)
  }

  async #other(path: string): Promise<TransportResponse | undefined> {
    const { tokens } = this.#options
    switch (path) {
      case '/':
        return replyJson(200, { paths: this.#paths() })
      case '/version':
        return replyJson(200, versionInfo())
      case '/.well-known/openid-configuration':
        return replyJson(200, tokens.discovery(), KEYS_CACHED)
      case '/openid/v1/jwks':
        return replyJson(200, tokens.keys.keySet(), { ...KEYS_CACHED, 'content-type': 'application/jwk-set+json' })
      case '/metrics': {
        const { metricsText } = await import('./metrics.ts')
        const { text, contentType } = await metricsText(this.#options.registry.cache, this.#options.flows)
        return replyText(200, text + this.#options.metrics.map((each) => each.text()).join(''), contentType)
      }
      default:
        return undefined
    }
  }

  #paths(): string[] {
    const versions = groupsOf(this.#options.catalog).flatMap(({ group, versions: each }) =>
      group === '' ? ['/api', '/api/v1'] : [`/apis/${group}`, ...each.map((version) => `/apis/${group}/${version}`)],
    )
    return [
      ...versions,
      '/apis',
      '/healthz',
      '/livez',
      '/metrics',
      '/openapi/v2',
      '/openapi/v3',
      '/readyz',
      '/version',
      '/.well-known/openid-configuration',
      '/openid/v1/jwks',
    ].sort()
  }
}
