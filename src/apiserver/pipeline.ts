import type { ResourceDefinition } from '#api'
import {
  type Answer,
  andThen,
  type Clock,
  ending,
  type FeatureGates,
  type Log,
  type Patience,
  type Random,
  recovering,
  SignalPatience,
} from '#base'
import type { Peer, TransportRequest, TransportResponse, UserInfo } from '#client'
import { StatusError, statusOf } from '#meta'
import type { Store } from '#store'
import type { Aggregator } from './aggregation/index.ts'
import type { Alarms } from './alarms.ts'
import type { Audit, AuditTrail } from './audit/index.ts'
import { type Authentication, type AuthenticationNotes, isAnonymous, type ServiceAccountTokens } from './authentication/index.ts'
import {
  type AuthorizationAttributes,
  type AuthorizationMetrics,
  type Authorizer,
  AuthorizerFailed,
  type Decision,
  requireAuthorization,
} from './authorization/index.ts'
import type { ResourceCatalog } from './catalog.ts'
import { contextOf, type RequestContext } from './context.ts'
import { Dispatcher } from './dispatcher.ts'
import type { Encryption } from './encryption/index.ts'
import { type FlowController, SeatsRefused } from './flow-control/index.ts'
import type { Impersonated, Impersonation } from './impersonation/index.ts'
import { timed } from './latencies.ts'
import type { NodeConnection } from './node-connection.ts'
import { NonResourcePaths } from './non-resource-paths.ts'
import { encoded } from './presentation/body.ts'
import { plainFormOf } from './presentation/form-of.ts'
import type { Histogram } from './prometheus.ts'
import type { Registry } from './registry/registry.ts'
import { attributesOf } from './request-attributes.ts'
import { deadlineMsOf, isLongRunning, REQUEST_TIMEOUT_MS, within } from './request-deadline.ts'
import { type RequestInfo, requestInfoOf, uriOf } from './request-info.ts'
import type { RequestMetrics } from './request-metrics.ts'
import { internalServerError, replyStatus, tooManyRequests } from './response.ts'
import { Watcher } from './rest/watcher.ts'
import type { Watches } from './rest/watches.ts'
import { unrouted } from './routes.ts'
import type { Lifecycle } from './shutdown/lifecycle.ts'
import type { StartHooks } from './start-hooks.ts'
import { storeFailureStatus } from './store-failure.ts'
import type { ConnectTarget } from './subresources/types.ts'
import { warningHeader } from './warnings.ts'

export interface PipelineOptions {
  readonly catalog: ResourceCatalog
  readonly registry: Registry
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly tokens: ServiceAccountTokens
  readonly authentication: Authentication
  readonly impersonation: Impersonation
  readonly authorizers: readonly Authorizer[]
  readonly authorizationMetrics: AuthorizationMetrics
  readonly requests: RequestMetrics
  readonly nodes: NodeConnection | undefined
  readonly reachPod: ((address: string) => string) | undefined
  readonly lifecycle: Lifecycle
  readonly watches: Watches
  readonly alarms: Alarms
  readonly flows: FlowController
  readonly encryption: Encryption | undefined
  readonly audit: Audit | undefined
  /** What a scrape is told beside what the server holds. */
  readonly metrics: readonly { text(): string }[]
  /** Made once the server can call itself. */
  readonly aggregator: () => Aggregator
  readonly isReady: () => boolean
  readonly hooks: StartHooks
  readonly features: FeatureGates
  /** What the server was told; undefined: nobody told it by flags. */
  readonly flags: Readonly<Record<string, string>> | undefined
}

/** Of its time, a request may spend this part in a queue. */
const QUEUE_SHARE = 1 / 4

/** Who asks for what, and where that is recorded. */
interface Identified {
  readonly trail: AuditTrail | undefined
  readonly info: RequestInfo
  readonly user: UserInfo
  readonly resource: ResourceDefinition | undefined
  readonly address: string | undefined
  /** Of how they were known. */
  readonly warnings: readonly string[]
  readonly spent: Spent
}

/** When a request came, and what it has waited since. */
interface Spent {
  readonly sinceMs: number
  queuedMs: number
}

/** A request that may go on. */
export interface Admitted {
  readonly trail: AuditTrail | undefined
  readonly info: RequestInfo
  readonly user: UserInfo
  /** Where it comes from. */
  readonly address: string | undefined
  readonly context: RequestContext | undefined
}

/**
 * The way of every request, in this order: what it asks for, who asks, on whose behalf, its time and its turn, whether they may, and then the
 * handler. Any failure on the way becomes a Status, but for a turn that does not come. A stage that has to wait for nobody answers at once: a read of what
 * is at hand is answered before `handle` returns.
 */
export class Pipeline {
  readonly #options: PipelineOptions
  readonly #dispatcher: Dispatcher
  readonly #paths: NonResourcePaths

  constructor(options: PipelineOptions) {
    this.#options = options
    this.#dispatcher = new Dispatcher(options)
    this.#paths = new NonResourcePaths(options)
  }

  handle(request: TransportRequest, peer: Peer): Answer<TransportResponse> {
    const id = this.#auditIdOf(request)
    const headers: Record<string, string> = { 'audit-id': id, 'cache-control': 'no-cache, private' }
    const trail = this.#options.audit?.trail(request, peer, id)
    const answered = recovering(
      () => andThen(this.#identify(request, peer, headers, trail), (who) => this.#answered(request, who, headers)),
      (error) => this.#failed(error, request, trail),
    )
    return andThen(answered, (response) => ({ ...response, headers: Object.assign(headers, response.headers) }))
  }

  #answered(request: TransportRequest, who: Identified, headers: Record<string, string>): Answer<TransportResponse> {
    const response = this.#timely(this.#options.authentication.withoutCredentials(request), who, headers)
    const { trail } = who
    return trail === undefined ? response : andThen(response, (each) => trail.answered(each))
  }

  async #failed(error: unknown, request: TransportRequest, trail: AuditTrail | undefined): Promise<TransportResponse> {
    if (error instanceof SeatsRefused) {
      const refused = tooManyRequests()
      return trail === undefined ? refused : trail.answered(refused)
    }
    if (error instanceof AuthorizerFailed) {
      const failed = internalServerError(uriOf(request), error.problem)
      return trail === undefined ? failed : trail.answered(failed)
    }
    if (!(error instanceof StatusError)) this.#options.log.error('A request failed unexpectedly', { path: request.path, error })
    await trail?.failed(statusOf(error), !(error instanceof StatusError))
    const sizes = sizesOfFailures.get(error as StatusError)
    const response = { ...replyStatus(statusOf(error)), ...(sizes && { sizes }) }
    return encoded(response, plainFormOf(request.headers, request.query, 'error'))
  }

  /** Everything up to the handler, for requests that become raw connections. Throws a Status. */
  async admit(request: TransportRequest, peer: Peer): Promise<Admitted> {
    const trail = this.#options.audit?.trail(request, peer, this.#auditIdOf(request))
    try {
      const who = await this.#identify(request, peer, {}, trail)
      const asked = this.#options.authentication.withoutCredentials(request)
      return await this.#permit(asked, who, patienceOfClient(asked))
    } catch (error) {
      await trail?.failed(statusOf(error), !(error instanceof StatusError))
      throw error
    }
  }

  /** Whoever asks may name the request, to find it again in several servers' logs. */
  #auditIdOf({ headers }: TransportRequest): string {
    return headers?.['audit-id'] || this.#options.random.uuid()
  }

  /** Connections of those who are nobody here end with the answer, so that a flood of streams needs as many handshakes. */
  #identify(
    request: TransportRequest,
    peer: Peer,
    headers: Record<string, string>,
    trail: AuditTrail | undefined,
  ): Answer<Identified> {
    const { authentication, clock } = this.#options
    const spent = { sinceMs: clock.monotonic(), queuedMs: 0 }
    const info = requestInfoOf(request)
    if (peer.kind === 'tls') headers['connection'] = 'close'
    const warnings: string[] = []
    const notes: AuthenticationNotes = {
      annotate: (key, value) => void trail?.annotations.set(key, value),
      warn: (text) => void warnings.push(text),
    }
    return andThen(
      timed(trail, 'authentication', () => authentication.authenticate(request, peer, notes)),
      (authenticated) => {
        if (!isAnonymous(authenticated)) delete headers['connection']
        warn(headers, warnings)
        return andThen(trail?.begin(info, authenticated), () =>
          andThen(
            this.#refusing(headers, () => this.#impersonated(request, info, authenticated, trail)),
            (impersonated) => {
              if (impersonated !== undefined) trail?.impersonates(impersonated)
              const user = impersonated?.user ?? authenticated
              const resource =
                info.kind === 'resource' ? this.#options.catalog.find(info.group, info.version, info.resource) : undefined
              const address = peer.kind === 'tls' ? peer.address : undefined
              return { info, user, resource, trail, address, warnings, spent }
            },
          ),
        )
      },
    )
  }

  #impersonated(
    request: TransportRequest,
    info: RequestInfo,
    user: UserInfo,
    trail: AuditTrail | undefined,
  ): Answer<Impersonated | undefined> {
    const { impersonation } = this.#options
    return impersonation.impersonated(request, user, () => attributesOf(info, user, request.query), trail)
  }

  #permit(request: TransportRequest, who: Identified, patience: Patience): Answer<Admitted> {
    const { info, user, resource, trail, address } = who
    const attributes = attributesOf(info, user, request.query)
    return andThen(
      timed(trail, 'authorization', () => this.#authorize(attributes, resource, this.#counting(trail))),
      () => {
        if (info.kind === 'path' || resource === undefined || this.isRemote(request.path))
          return { info, user, trail, address, context: undefined }
        return { info, user, trail, address, context: contextOf(request, info, resource, who, patience, this.#options.clock) }
      },
    )
  }

  /** Whether a header, by its lower-case name, is one that only authentication reads. */
  isCredential(name: string): boolean {
    return this.#options.authentication.isCredential(name)
  }

  /** Handlers of raw connections (exec, attach, port-forward, proxy). */
  get dispatcher(): Dispatcher {
    return this.#dispatcher
  }

  /** Whether another API server answers for a path. */
  isRemote(path: string): boolean {
    return this.#options.aggregator().find(path) !== undefined
  }

  /** Where a raw connection to another API server goes, once it is admitted. */
  remoteTarget(request: TransportRequest, user: UserInfo, address: string | undefined): ConnectTarget {
    const aggregator = this.#options.aggregator()
    return aggregator.target(aggregator.find(request.path)!, request, user, address)
  }

  #serve(
    request: TransportRequest,
    { info, user, address, context }: Admitted,
    spent: Spent,
    patience: Patience,
  ): Answer<TransportResponse> {
    const aggregator = this.#options.aggregator()
    const remote = context === undefined ? aggregator.find(request.path) : undefined
    if (remote !== undefined) return aggregator.proxy(remote, request, user, patience, address)
    if (info.kind === 'path') return aggregator.merge(request, patience, (asked = request) => this.#paths.serve(asked))
    const refused = unrouted(request, info, context?.resource, this.#options.catalog)
    if (refused !== undefined) return refused
    return this.#measured(request, context!, spent, () => this.#dispatcher.dispatch(context!))
  }

  /** Counted once it is answered, a watch once it ends. */
  #measured(
    request: TransportRequest,
    { info, webhookTime, user, resource }: RequestContext,
    { sinceMs, queuedMs }: Spent,
    work: () => Answer<TransportResponse>,
  ): Answer<TransportResponse> {
    const { clock, requests } = this.#options
    const over = (code: number): Histogram | undefined => {
      const ms = clock.monotonic() - sinceMs
      return requests.answered(request, info, code, { ms, ownMs: ms - queuedMs - webhookTime.ms }, { user, resource })
    }
    const answered = recovering(work, (error) => {
      const failure = storeFailureStatus(error, info)
      const sizes = over(statusOf(failure).code)
      if (sizes !== undefined && failure instanceof StatusError) sizesOfFailures.set(failure, sizes)
      throw failure
    })
    return andThen(answered, (response) => {
      const { body, status } = response
      if (body.kind !== 'watch' || !(body.frames instanceof Watcher)) {
        const sizes = over(status)
        return sizes === undefined ? response : { ...response, sizes }
      }
      const gone = requests.lasts(request, info)
      body.frames.own({
        [Symbol.dispose]() {
          gone()
          over(status)
        },
      })
      return response
    })
  }

  /** Within the time that the request has; those that may last have no end. */
  #timely(request: TransportRequest, who: Identified, headers: Record<string, string>): Answer<TransportResponse> {
    const client = patienceOfClient(request)
    if (isLongRunning(who.info)) return this.#fairly(request, who, headers, client, REQUEST_TIMEOUT_MS)
    const deadlineMs = deadlineMsOf(request.query)
    const { alarms, requests } = this.#options
    const work = (patience: Patience): Answer<TransportResponse> => this.#fairly(request, who, headers, patience, deadlineMs)
    return ending(
      () => within(deadlineMs, alarms, client, work, () => requests.terminated(request, who.info, 504)),
      requests.begins(who.info),
    )
  }

  /** In its turn, by priority and fairness: until it is answered, or a watch has begun. */
  #fairly(
    request: TransportRequest,
    who: Identified,
    headers: Record<string, string>,
    patience: Patience,
    deadlineMs: number,
  ): Answer<TransportResponse> {
    const { flows, clock, requests } = this.#options
    const { info, user, resource, spent } = who
    if (isLongRunning(info) && (info.kind === 'path' || info.verb !== 'watch'))
      return this.#answer(request, who, headers, patience)
    const classification = flows.classify(who)
    Object.assign(headers, classification.headers)
    const asking = { info, user, resource, query: request.query, patience, waitMs: deadlineMs * QUEUE_SHARE }
    const sinceMs = clock.monotonic()
    const turn = recovering(
      () => timed(who.trail, 'apf-queue-wait', () => flows.admit(asking, classification)),
      (error) => {
        if (error instanceof SeatsRefused) requests.terminated(request, info, 429)
        throw error
      },
    )
    return andThen(turn, (lease) => {
      spent.queuedMs = clock.monotonic() - sinceMs
      return ending(
        () => this.#answer(request, who, headers, patience),
        () => lease.release(),
      )
    })
  }

  #answer(
    request: TransportRequest,
    who: Identified,
    headers: Record<string, string>,
    patience: Patience,
  ): Answer<TransportResponse> {
    return andThen(
      this.#refusing(headers, () => this.#permit(request, who, patience)),
      (admitted) =>
        ending(
          () =>
            recovering(
              () => this.#serve(request, admitted, who.spent, patience),
              (error) => {
                throw storeFailureStatus(error, who.info)
              },
            ),
          // Who is refused is warned as well.
          () => warn(headers, [...who.warnings, ...(admitted.context?.warnings ?? [])]),
        ),
    )
  }

  #authorize(
    attributes: AuthorizationAttributes,
    resource: ResourceDefinition | undefined,
    record?: { decided(decision: Decision): void },
  ): Answer<void> {
    return requireAuthorization(this.#options.authorizers, attributes, resource, record)
  }

  /** What is refused for who asks is not to be taken by a browser for anything else than it is. */
  #refusing<T>(headers: Record<string, string>, decide: () => Answer<T>): Answer<T> {
    return recovering(decide, (error) => {
      headers['x-content-type-options'] = 'nosniff'
      throw error
    })
  }

  /** Of the one decision that lets a request go on. */
  #counting(trail: AuditTrail | undefined): { decided(decision: Decision): void } {
    const { clock, authorizationMetrics } = this.#options
    const startedAtMs = clock.monotonic()
    return {
      decided(decision) {
        authorizationMetrics.attempted(decision, clock.monotonic() - startedAtMs)
        trail?.decided(decision)
      },
    }
  }
}

const patienceOfClient = (request: TransportRequest): Patience => request.patience ?? new SignalPatience(request)

/** Who is told how large the answer is that says what failed. */
const sizesOfFailures = new WeakMap<StatusError, Histogram>()

function warn(headers: Record<string, string>, warnings: readonly string[] = []): void {
  const warning = warnings.length === 0 ? '' : warningHeader(warnings)
  if (warning !== '') headers['warning'] = warning
}
