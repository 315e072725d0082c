import type { ResourceDefinition } from '#api'
import type { Clock, Log, Random } from '#base'
import type { Peer, TransportRequest, TransportResponse, UserInfo } from '#client'
import { failure, StatusError, statusOf, tooManyRequests } from '#meta'
import type { Store } from '#store'
import { impersonated } from './authentication/impersonation.ts'
import { type Authenticator, authenticate, type ServiceAccountTokens } from './authentication/index.ts'
import {
  type AuthorizationAttributes,
  type Authorizer,
  type RbacAuthorizer,
  requireAuthorization,
} from './authorization/index.ts'
import type { ResourceCatalog } from './catalog.ts'
import type { RequestContext } from './context.ts'
import { Dispatcher } from './dispatcher.ts'
import type { NodeConnection } from './node-connection.ts'
import { NonResourcePaths } from './non-resource-paths.ts'
import type { Registry } from './registry/registry.ts'
import { type RequestInfo, requestInfoOf } from './request-info.ts'
import { replyStatus } from './response.ts'
import type { Watches } from './rest/watches.ts'

export interface PipelineOptions {
  readonly catalog: ResourceCatalog
  readonly registry: Registry
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly tokens: ServiceAccountTokens
  readonly authenticators: readonly Authenticator[]
  readonly authorizers: readonly Authorizer[]
  readonly rbac: RbacAuthorizer
  readonly nodes: NodeConnection | undefined
  readonly shutdown: AbortSignal
  readonly watches: Watches
  readonly isReady: () => boolean
}

/** Upstream's defaults for requests under way at once. */
const READS_IN_FLIGHT_MAX = 400
const WRITES_IN_FLIGHT_MAX = 200

const READ_VERBS = new Set(['get', 'list', 'watch'])
const CONNECT_SUBRESOURCES = new Set(['exec', 'attach', 'portforward', 'proxy', 'log'])

/** A request that may go on: who asks for what. */
export interface Admitted {
  readonly info: RequestInfo
  readonly user: UserInfo
  readonly context: RequestContext | undefined
}

/**
 * The way of every request, in this order: what it asks for, who asks, on whose behalf, whether there is room, whether they may, and then the
 * handler. Any failure on the way becomes a Status.
 */
export class Pipeline {
  readonly #options: PipelineOptions
  readonly #dispatcher: Dispatcher
  readonly #paths: NonResourcePaths
  readonly #inFlight = { reads: 0, writes: 0 }

  constructor(options: PipelineOptions) {
    this.#options = options
    this.#dispatcher = new Dispatcher(options)
    this.#paths = new NonResourcePaths(options)
  }

  async handle(request: TransportRequest, peer: Peer): Promise<TransportResponse> {
    const headers = { 'audit-id': this.#options.random.uuid(), 'cache-control': 'no-cache, private' }
    try {
      const admitted = await this.admit(request, peer)
      const response = await this.#limited(admitted, () => this.#serve(request, admitted))
      const warnings = admitted.context?.warnings ?? []
      return {
        ...response,
        headers: { ...headers, ...response.headers, ...(warnings.length > 0 && { warning: warningHeader(warnings) }) },
      }
    } catch (error) {
      if (!(error instanceof StatusError)) this.#options.log.error('A request failed unexpectedly', { path: request.path, error })
      const response = replyStatus(statusOf(error))
      return { ...response, headers: { ...headers, ...response.headers } }
    }
  }

  /** Everything up to the handler; also for requests that become raw connections. Throws a Status. */
  async admit(request: TransportRequest, peer: Peer): Promise<Admitted> {
    const info = requestInfoOf(request)
    const authenticated = await authenticate(this.#options.authenticators, request, peer)
    const user = impersonated(request, authenticated, (attributes) => this.#authorize(attributes, undefined))
    const resource = info.kind === 'resource' ? this.#options.catalog.find(info.group, info.version, info.resource) : undefined
    this.#authorize(attributesOf(info, user), resource)
    if (info.kind === 'path') return { info, user, context: undefined }
    if (resource === undefined) throw failure(404, 'NotFound', 'the server could not find the requested resource', {})
    return { info, user, context: contextOf(request, info, resource, user) }
  }

  /** Handlers of raw connections (exec, attach, port-forward, proxy). */
  get dispatcher(): Dispatcher {
    return this.#dispatcher
  }

  async #serve(request: TransportRequest, { info, user, context }: Admitted): Promise<TransportResponse> {
    if (info.kind === 'path') return this.#paths.serve(request, user)
    return this.#dispatcher.dispatch(context!)
  }

  async #limited(admitted: Admitted, serve: () => Promise<TransportResponse>): Promise<TransportResponse> {
    const { info, user } = admitted
    const longRunning = info.kind === 'resource' && (info.verb === 'watch' || CONNECT_SUBRESOURCES.has(info.subresource))
    // The server's own calls come out of a request that has its place already.
    if (longRunning || user.groups.includes('system:masters')) return serve()
    const lane = READ_VERBS.has(info.verb) ? 'reads' : 'writes'
    if (this.#inFlight[lane] >= (lane === 'reads' ? READS_IN_FLIGHT_MAX : WRITES_IN_FLIGHT_MAX)) {
      throw tooManyRequests('too many requests, please try again later', 1)
    }
    this.#inFlight[lane]++
    try {
      return await serve()
    } finally {
      this.#inFlight[lane]--
    }
  }

  #authorize(attributes: AuthorizationAttributes, resource: ResourceDefinition | undefined): void {
    requireAuthorization(this.#options.authorizers, attributes, resource)
  }
}

export function attributesOf(info: RequestInfo, user: UserInfo): AuthorizationAttributes {
  if (info.kind === 'path') return { user, verb: info.verb, isResource: false, path: info.path }
  const { verb, group, version, resource, subresource, namespace, name } = info
  return { user, verb, isResource: true, group, version, resource, subresource, namespace, name }
}

function contextOf(
  request: TransportRequest,
  info: Extract<RequestInfo, { kind: 'resource' }>,
  resource: ResourceDefinition,
  user: UserInfo,
): RequestContext {
  return {
    info,
    resource,
    method: request.method,
    user,
    query: request.query ?? new URLSearchParams(),
    headers: request.headers ?? {},
    body: request.body,
    warnings: [],
    signal: request.signal ?? new AbortController().signal,
  }
}

const WARNINGS_BYTES_MAX = 4096

function warningHeader(warnings: readonly string[]): string {
  let header = ''
  for (const text of new Set(warnings)) {
    const one = `299 - ${JSON.stringify(text.replace(/[\r\n]+/g, ' '))}`
    if (header.length + one.length > WARNINGS_BYTES_MAX) break
    header += header === '' ? one : `, ${one}`
  }
  return header
}
