import { createHash } from 'node:crypto'
import { schemaOf } from '#api'
import type { TransportRequest, TransportResponse, UserInfo } from '#client'
import { failure } from '#meta'
import { aggregatedDiscovery, apiGroup, groupList, groupsOf, legacyVersions, resourceList } from './discovery.ts'
import { dump } from './flow-control/index.ts'
import { type HealthCheck, health } from './health.ts'
import { type DocumentInput, encodeGnostic, openApiV2, openApiV3 } from './openapi/index.ts'
import type { PipelineOptions } from './pipeline.ts'
import { parseAccept } from './presentation/negotiate.ts'
import { replyJson, replyText } from './response.ts'
import { gitVersion, versionInfo } from './version.ts'

/** What older clients ask for, with a character that no media type may have, and what they are answered with. */
const GNOSTIC_ASKED = new Set([
  'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
  'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
])
const GNOSTIC = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

/** Everything that is no resource: discovery, OpenAPI, version, health, key sets, metrics. */
export class NonResourcePaths {
  readonly #options: PipelineOptions
  readonly #documents = new Map<string, { readonly bytes: Uint8Array; readonly etag: string }>()
  #generation = 0

  constructor(options: PipelineOptions) {
    this.#options = options
  }

  async serve(request: TransportRequest, _user: UserInfo): Promise<TransportResponse> {
    this.#forgetOld()
    const path = request.path.length > 1 ? request.path.replace(/\/+$/, '') : request.path
    const query = request.query ?? new URLSearchParams()
    const found =
      health(path, query, this.#checks()) ??
      this.#discovery(path, request) ??
      this.#openApi(path, request) ??
      this.#dump(path, query) ??
      (await this.#other(path))
    if (found === undefined) throw failure(404, 'NotFound', 'the server could not find the requested resource', {})
    return found
  }

  #checks(): Readonly<Record<'healthz' | 'livez' | 'readyz', readonly HealthCheck[]>> {
    const ping: HealthCheck = { name: 'ping', check: () => undefined }
    const store: HealthCheck = {
      name: 'etcd',
      check: () => (this.#options.store.revision >= 0 ? undefined : 'the store has no revision'),
    }
    const following: HealthCheck = {
      name: 'etcd-readiness',
      check: () => (this.#options.registry.cache.isFollowing ? undefined : 'the watch cache is behind the store'),
    }
    const bootstrap: HealthCheck = {
      name: 'poststarthook/rbac/bootstrap-roles',
      check: () => (this.#options.isReady() ? undefined : 'not finished'),
    }
    const shutdown: HealthCheck = {
      name: 'shutdown',
      check: () => (this.#options.shutdown.aborted ? 'the server is shutting down' : undefined),
    }
    return {
      healthz: [ping, store, bootstrap],
      livez: [ping, store, bootstrap],
      readyz: [ping, store, following, bootstrap, shutdown],
    }
  }

  #discovery(path: string, request: TransportRequest): TransportResponse | undefined {
    const { catalog } = this.#options
    const parts = path.split('/').filter((part) => part !== '')
    if (parts.length === 1 && (parts[0] === 'api' || parts[0] === 'apis')) {
      const legacy = parts[0] === 'api'
      const version = aggregatedVersion(request)
      if (version !== undefined) {
        const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`
        return this.#document(`${path}?${version}`, request, type, () =>
          Buffer.from(JSON.stringify(aggregatedDiscovery(catalog, legacy, version))),
        )
      }
      return replyJson(200, legacy ? legacyVersions('') : groupList(catalog))
    }
    let body: unknown
    if (parts[0] === 'api' && parts.length === 2) body = resourceList(catalog, '', parts[1]!)
    else if (parts[0] === 'apis' && parts.length === 2) body = apiGroup(catalog, parts[1]!)
    else if (parts[0] === 'apis' && parts.length === 3) body = resourceList(catalog, parts[1]!, parts[2]!)
    return body === undefined ? undefined : replyJson(200, body)
  }

  #openApi(path: string, request: TransportRequest): TransportResponse | undefined {
    const { catalog } = this.#options
    const input: DocumentInput = { resources: catalog.all, named: schemaOf, version: gitVersion() }
    if (path === '/openapi/v2') {
      const wantsProtobuf = GNOSTIC_ASKED.has(parseAccept(request.headers?.['accept'])[0]?.type ?? '')
      if (wantsProtobuf) return this.#document('v2.pb', request, GNOSTIC, () => encodeGnostic(openApiV2(input)))
      return this.#document('v2', request, 'application/json', () => Buffer.from(JSON.stringify(openApiV2(input))))
    }
    const versions = groupsOf(catalog).flatMap(({ group, versions: each }) =>
      each.map((version) => ({ group, version, path: group === '' ? `api/${version}` : `apis/${group}/${version}` })),
    )
    const build = (group: string, version: string) => (): Uint8Array =>
      Buffer.from(
        JSON.stringify(
          openApiV3({ ...input, resources: catalog.all.filter((each) => each.group === group && each.version === version) }),
        ),
      )
    const contentOf = (group: string, version: string): string => {
      const custom = catalog.all.filter((each) => each.custom !== undefined && each.group === group && each.version === version)
      return [gitVersion(), group, version, ...custom.map((each) => each.custom!.fingerprint)].join(' ')
    }
    if (path === '/openapi/v3') {
      // The hash stands for the content: it changes exactly when the definitions of a group-version may.
      const paths = versions.map((each) => [
        each.path,
        { serverRelativeURL: `/openapi/v3/${each.path}?hash=${hashOf(Buffer.from(contentOf(each.group, each.version)))}` },
      ])
      return replyJson(200, { paths: Object.fromEntries(paths) })
    }
    const wanted = versions.find((each) => path === `/openapi/v3/${each.path}`)
    return wanted && this.#document(path, request, 'application/json', build(wanted.group, wanted.version))
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
        return replyJson(200, {
          issuer: tokens.issuer,
          jwks_uri: `${tokens.issuer}/openid/v1/jwks`,
          response_types_supported: ['id_token'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: tokens.algorithms(),
        })
      case '/openid/v1/jwks':
        return replyJson(200, tokens.keySet(), { 'content-type': 'application/jwk-set+json' })
      case '/metrics': {
        const { metricsText } = await import('./metrics.ts')
        const { text, contentType } = await metricsText(this.#options.registry.cache, this.#options.flows)
        return replyText(200, text, contentType)
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

  /** Documents are good for as long as the same kinds are served. */
  #forgetOld(): void {
    const { generation } = this.#options.catalog
    if (generation === this.#generation) return
    this.#generation = generation
    this.#documents.clear()
  }

  /** A document that is made once, with its ETag. */
  #document(key: string, request: TransportRequest, contentType: string, make: () => Uint8Array): TransportResponse {
    let document = this.#documents.get(key)
    if (document === undefined) {
      const bytes = make()
      document = { bytes, etag: `"${hashOf(bytes)}"` }
      this.#documents.set(key, document)
    }
    const headers = { 'content-type': contentType, etag: document.etag, vary: 'Accept', 'cache-control': 'public' }
    if (request.headers?.['if-none-match'] === document.etag) return { status: 304, headers, body: { kind: 'none' } }
    return { status: 200, headers, body: { kind: 'bytes', bytes: document.bytes } }
  }
}

const hashOf = (bytes: Uint8Array): string => createHash('sha512').update(bytes).digest('hex').toUpperCase()

function aggregatedVersion(request: TransportRequest): 'v2' | 'v2beta1' | undefined {
  for (const { type, parameters } of parseAccept(request.headers?.['accept'])) {
    if (type !== 'application/json' && type !== '*/*') continue
    if (parameters.get('as') === undefined) return undefined
    if (parameters.get('as') !== 'APIGroupDiscoveryList' || parameters.get('g') !== 'apidiscovery.k8s.io') continue
    const version = parameters.get('v')
    if (version === 'v2' || version === 'v2beta1') return version
  }
  return undefined
}
