import { createHash } from 'node:crypto'
import { type APIService, apiServices, endpointSlices, LOCAL_SERVICE, services } from '#api'
import { type Log, type Patience, TaskGroup, type Timer } from '#base'
import { type Client, type TransportRequest, type TransportResponse, type UserInfo, WorkQueue } from '#client'
import { failure, isObject } from '#meta'
import type { ResourceCatalog } from '../catalog.ts'
import { callUpstream } from '../http/upstream.ts'
import { encodeGnosticV2 } from '../openapi/gnostic-v2.ts'
import type { ConnectTarget } from '../subresources/types.ts'
import { AGGREGATOR, checkAvailability, NO_ANSWER } from './availability.ts'
import { setAvailable } from './conditions.ts'
import { fetchRemote } from './fetch.ts'
import { mergeAggregated, mergeGroup, mergeGroupList } from './merge.ts'
import { mergeOpenApiV2 } from './merge-openapi.ts'
import { localServices, registerLocal } from './registration.ts'
import { isAvailable, isRemote, type RemoteDependencies, type RemoteService, remoteServices, remoteTarget } from './remote.ts'

export interface AggregatorOptions extends RemoteDependencies {
  /** Acts as the API server itself. */
  readonly client: Client
  readonly catalog: ResourceCatalog
  readonly log: Log
}

/** Between looks at a server of which nothing is heard, upstream's resync; one that does not answer is looked at sooner, and after at most as long. */
const RECHECK_MS = 30_000
const RETRY_MIN_MS = 5
const OPENAPI_TIMEOUT_MS = 10_000
/** The key of the queue under which all local APIServices are brought in line. */
const ALL_LOCAL = ''

type Json = Record<string, unknown>

/**
 * One API out of several servers (https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/apiserver-aggregation/): passes requests for the group-versions of
 * other servers on, says whether those can be used, and merges what they say of themselves into discovery and OpenAPI.
 */
export class Aggregator implements AsyncDisposable {
  readonly #options: AggregatorOptions
  readonly #queue: WorkQueue
  readonly #tasks: TaskGroup
  readonly #owned = new DisposableStack()
  readonly #timers = new Map<string, Timer>()
  /** Looks in a row that a server did not answer. */
  readonly #failures = new Map<string, number>()
  /** What servers last said of their resources, by the name of the APIService. */
  readonly #resources = new Map<string, unknown>()
  #isRegistered = false

  constructor(options: AggregatorOptions) {
    this.#options = options
    const { clock, log, cache, catalog } = options
    this.#queue = this.#owned.use(new WorkQueue(clock))
    this.#tasks = new TaskGroup({ onError: (error) => log.error('The aggregation layer stopped', { error }) })
    this.#owned.use(catalog.onChange(() => this.#queue.add(ALL_LOCAL)))
    this.#owned.use(
      cache.of(apiServices).subscribe(({ type, version }) => {
        if (type !== 'DELETED') this.#queue.add(version.object.metadata!.name!)
        else this.#forget(version.object.metadata!.name!)
        // A managed one that somebody deleted or changed comes back.
        this.#queue.add(ALL_LOCAL)
      }),
    )
    for (const resource of [services, endpointSlices]) this.#owned.use(cache.of(resource).subscribe(() => this.#recheckAll()))
  }

  /** Registers what this server serves itself, then looks after the rest. */
  async start(): Promise<void> {
    await this.#register()
    this.#recheckAll()
    this.#tasks.spawn(() => this.#work())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#owned.dispose()
    for (const timer of this.#timers.values()) timer[Symbol.dispose]()
    await this.#tasks[Symbol.asyncDispose]()
  }

  /** The server that answers for a path below a group-version, when that is not this one. */
  find(path: string): RemoteService | undefined {
    if (!path.startsWith('/apis/')) return undefined
    const [, , group, version] = path.split('/', 4)
    if (!group || !version) return undefined
    const service = this.#options.cache.of(apiServices).get(`${version}.${group}`)?.object as APIService | undefined
    return service !== undefined && isRemote(service) ? service : undefined
  }

  /** Where a request that becomes a raw connection goes. */
  target(service: RemoteService, request: TransportRequest, user: UserInfo, address?: string): ConnectTarget {
    if (!isAvailable(service)) throw unavailable()
    const { path, query, headers = {} } = request
    return remoteTarget(service, user, { path, query, headers, address }, this.#options)
  }

  /** `address`: of the client. */
  async proxy(
    service: RemoteService,
    request: TransportRequest,
    user: UserInfo,
    patience: Patience,
    address?: string,
  ): Promise<TransportResponse> {
    const target = this.target(service, request, user, address)
    const { body, method } = request
    const bytes = body?.kind === 'bytes' ? body.bytes : body?.kind === 'stream' ? body.stream : encoded(body)
    const options = { ...target.options, method }
    return callUpstream({ ...target, options }, bytes, patience.signal)
  }

  /** The answer of this server to a path that is no resource, with what other servers have to add. */
  async merge(
    request: TransportRequest,
    patience: Patience,
    serve: (asked?: TransportRequest) => Promise<TransportResponse>,
  ): Promise<TransportResponse> {
    const remote = remoteServices(this.#options.cache)
    if (remote.length === 0) return serve()
    const path = request.path.replace(/\/+$/, '')
    if (path === '/apis') return this.#mergedApis(request, remote, await serve())
    const group = /^\/apis\/([^/]+)$/.exec(path)?.[1]
    if (group !== undefined) {
      const local = await serve()
      const known = local.status === 200 ? (bodyOf(local) as Json) : undefined
      const merged = mergeGroup(group, known, remote)
      return merged === undefined ? local : reply(merged, known && local.headers)
    }
    if (path === '/openapi/v2') return this.#mergedV2(request, remote, serve)
    if (path === '/openapi/v3') return this.#mergedV3(request, remote, await serve())
    const document = path.startsWith('/openapi/v3/apis/') ? this.find(path.slice('/openapi/v3'.length)) : undefined
    return document === undefined ? serve() : this.proxy(document, request, AGGREGATOR, patience)
  }

  #mergedApis(request: TransportRequest, remote: readonly RemoteService[], local: TransportResponse): TransportResponse {
    const body = local.status === 200 ? bodyOf(local) : undefined
    // An answer of 304 was to a document without the others.
    if (!isObject(body)) return local
    const merged = Array.isArray(body['items'])
      ? mergeAggregated(body, remote, (name) => this.#resources.get(name))
      : Array.isArray(body['groups'])
        ? mergeGroupList(body, remote)
        : undefined
    return merged === undefined ? local : reply(merged, local.headers, request)
  }

  async #mergedV2(
    request: TransportRequest,
    remote: readonly RemoteService[],
    serve: (asked: TransportRequest) => Promise<TransportResponse>,
  ): Promise<TransportResponse> {
    // The tag that a client has is of the merged document.
    const { 'if-none-match': _, ...headers } = request.headers ?? {}
    const local = await serve({ ...request, headers })
    if (local.status !== 200) return local
    const isJson = (local.headers['content-type'] ?? '').startsWith('application/json')
    const json = isJson ? local : await serve({ ...request, headers: { ...headers, accept: 'application/json' } })
    let document = bodyOf(json) as Json
    for (const other of await this.#fetchEach(remote, '/openapi/v2')) document = mergeOpenApiV2(document, other)
    return reply(document, local.headers, request, isJson ? undefined : encodeGnosticV2(document))
  }

  async #mergedV3(
    request: TransportRequest,
    remote: readonly RemoteService[],
    local: TransportResponse,
  ): Promise<TransportResponse> {
    const document = bodyOf(local)
    if (local.status !== 200 || !isObject(document)) return local
    const others = await this.#fetchEach(remote, '/openapi/v3')
    const paths = others.flatMap((other) => Object.entries((other['paths'] ?? {}) as Json))
    const own = new Set(remote.map(({ spec }) => `apis/${spec.group}/${spec.version}`))
    const added = Object.fromEntries(paths.filter(([path]) => own.has(path)))
    return reply({ ...document, paths: { ...added, ...(document['paths'] as Json) } }, local.headers, request)
  }

  /** A document of each server that can be used, once for each Service; servers that have none are left out. */
  async #fetchEach(remote: readonly RemoteService[], path: string): Promise<Json[]> {
    const servers = new Map(remote.filter(isAvailable).map((each) => [JSON.stringify(each.spec.service), each]))
    const { signal } = this.#tasks
    const options = { signal, timeoutMs: OPENAPI_TIMEOUT_MS }
    const found = await Promise.all(
      [...servers.values()].map(async (service) => {
        try {
          const { status, body } = await fetchRemote(service, AGGREGATOR, path, this.#options, options)
          const document = status === 200 ? (JSON.parse(body) as unknown) : undefined
          return isObject(document) ? document : undefined
        } catch (error) {
          this.#options.log.debug('An extension server has no such document', { name: service.metadata?.name, path, error })
          return undefined
        }
      }),
    )
    return found.filter((document) => document !== undefined)
  }

  #recheckAll(): void {
    for (const { metadata } of remoteServices(this.#options.cache)) this.#queue.add(metadata!.name!)
  }

  #forget(name: string): void {
    this.#timers.get(name)?.[Symbol.dispose]()
    this.#timers.delete(name)
    this.#failures.delete(name)
    this.#resources.delete(name)
  }

  async #work(): Promise<void> {
    for (let name = await this.#queue.take(); name !== undefined; name = await this.#queue.take()) {
      try {
        await (name === ALL_LOCAL ? this.#register() : this.#check(name))
        this.#queue.forget(name)
      } catch (error) {
        if (this.#tasks.signal.aborted) return
        this.#options.log.warn('An APIService can not be brought up to date', { name, error })
        this.#queue.addRateLimited(name)
      } finally {
        this.#queue.done(name)
      }
    }
  }

  async #register(): Promise<void> {
    const { client, catalog, cache } = this.#options
    if (!catalog.hasGroup(apiServices.group)) return
    const present = [...cache.of(apiServices).objects()] as APIService[]
    await registerLocal(client, localServices(catalog), present, { isFirst: !this.#isRegistered })
    this.#isRegistered = true
  }

  async #check(name: string): Promise<void> {
    const { client, cache, clock } = this.#options
    const service = cache.of(apiServices).get(name)?.object as APIService | undefined
    if (service === undefined) return
    if (!isRemote(service)) return setAvailable(client, service, LOCAL_SERVICE, clock.now())
    const { verdict, resources } = await checkAvailability(service, this.#options, this.#tasks.signal)
    if (resources !== undefined) this.#resources.set(name, resources)
    await setAvailable(client, service, verdict, clock.now())
    const failures = verdict.reason === NO_ANSWER ? (this.#failures.get(name) ?? 0) + 1 : 0
    this.#failures.set(name, failures)
    // Nothing tells when a server on another machine begins or stops to answer.
    const dueMs = failures === 0 ? RECHECK_MS : Math.min(RETRY_MIN_MS * 2 ** failures, RECHECK_MS)
    this.#timers.get(name)?.[Symbol.dispose]()
    this.#timers.set(
      name,
      clock.after(dueMs, () => this.#queue.add(name)),
    )
  }
}

const unavailable = (): Error => failure(503, 'ServiceUnavailable', 'service unavailable')

const encoded = (body: TransportRequest['body']): Uint8Array | undefined =>
  body?.kind === 'object' ? Buffer.from(JSON.stringify(body.object)) : undefined

function bodyOf({ body }: TransportResponse): unknown {
  if (body.kind === 'object') return body.object
  return body.kind === 'bytes' ? JSON.parse(Buffer.from(body.bytes).toString()) : undefined
}

/** A merged document has a tag of its own, the same in each of its forms. */
function reply(
  document: Json,
  headers: TransportResponse['headers'] = {},
  request?: TransportRequest,
  encoded?: Uint8Array,
): TransportResponse {
  const bytes = Buffer.from(JSON.stringify(document))
  const etag = `"${createHash('sha512').update(bytes).digest('hex').toUpperCase()}"`
  const own = { 'content-type': 'application/json', ...headers, ...(headers['etag'] !== undefined && { etag }) }
  if (headers['etag'] !== undefined && request?.headers?.['if-none-match'] === etag)
    return { status: 304, headers: own, body: { kind: 'none' } }
  return { status: 200, headers: own, body: { kind: 'bytes', bytes: encoded ?? bytes } }
}
