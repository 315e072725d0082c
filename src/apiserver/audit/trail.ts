import { type Answer, type Clock, ending } from '#base'
import type { Peer, ResponseBody, TransportRequest, TransportResponse, UserInfo, WatchFrames } from '#client'
import { formatMicroTime, isObject, type KubernetesObject, type Status, unauthorized } from '#meta'
import type { Decision } from '../authorization/index.ts'
import { Latencies, type Layer, type Timekeeper } from '../latencies.ts'
import { isLongRunning } from '../request-deadline.ts'
import { type RequestInfo, requestInfoOf, uriOf } from '../request-info.ts'
import {
  type AuditEvent,
  type AuditObjectReference,
  type AuditStatus,
  type AuditUser,
  auditStatusOf,
  auditUserOf,
  sourceIPsOf,
  userAgentOf,
} from './event.ts'
import { Annotations, withoutManagedFields } from './parts.ts'
import type { AuditRuling, AuditStage } from './policy.ts'

/** What a trail needs of the audit it belongs to. */
export interface AuditKeeper {
  readonly clock: Clock
  rulingOf(info: RequestInfo, user: UserInfo | undefined): AuditRuling
  /** False when a backend that must keep every event did not. */
  keep(event: AuditEvent): boolean | Promise<boolean>
  /** Throws what a request is answered whose beginning could not be kept. */
  refuse(): never
}

/**
 * Collects what is to be recorded of one request while it is served, and hands it on at each stage:
 *
 *     begin    → RequestReceived        the user is known, nothing is decided
 *     started  → ResponseStarted        of a watch, log or connection: it has begun to answer
 *     answered → ResponseComplete       the answer is there, or has ended
 */
export class AuditTrail implements Timekeeper {
  readonly id: string
  readonly annotations: Annotations
  readonly #keeper: AuditKeeper
  readonly #request: TransportRequest
  readonly #peer: Peer
  readonly #receivedMs: number
  readonly #startedAtMs: number
  readonly #latencies = new Latencies()
  #ruling: AuditRuling | undefined
  #info: RequestInfo | undefined
  #user: AuditUser = {}
  #impersonated: AuditUser | undefined
  #constraint: string | undefined
  #reference: AuditObjectReference | undefined
  #requestObject: unknown
  #responseObject: unknown
  #status: AuditStatus | undefined
  #hasStarted = false
  #isOver = false

  constructor(keeper: AuditKeeper, request: TransportRequest, peer: Peer, id: string) {
    this.#keeper = keeper
    this.#request = request
    this.#peer = peer
    this.id = id
    this.annotations = new Annotations(() => this.#atLeast('Request'))
    this.#receivedMs = keeper.clock.now()
    this.#startedAtMs = keeper.clock.monotonic()
  }

  /** Whether anything is recorded of this request. */
  get isOn(): boolean {
    return this.#ruling !== undefined && this.#ruling.level !== 'None'
  }

  /** The policy decides. Throws 500 when the event must be kept and is not. */
  async begin(info: RequestInfo, user: UserInfo | undefined): Promise<void> {
    this.#info = info
    this.#ruling = this.#keeper.rulingOf(info, user)
    if (!this.isOn) return
    if (user !== undefined) this.#user = auditUserOf(user)
    if (info.kind === 'resource') this.#reference = referenceOf(info)
    if (user !== undefined && !(await this.#keep('RequestReceived'))) {
      this.#isOver = true
      this.#keeper.refuse()
    }
  }

  /** `constraint`: the verb by which it was allowed, if it limits what may be done. */
  impersonates({ user, constraint }: { readonly user: UserInfo; readonly constraint?: string }): void {
    this.#impersonated = auditUserOf(user)
    this.#constraint = constraint
  }

  /** Of an authorizer that failed it is recorded no more than that. */
  decided({ decision, reason, error }: Decision): void {
    if (decision !== 'allow' && error !== undefined) {
      this.annotations.set('authorization.k8s.io/reason', 'internal error')
      return
    }
    this.annotations.set('authorization.k8s.io/decision', decision === 'allow' ? 'allow' : 'forbid')
    this.annotations.set('authorization.k8s.io/reason', reason)
  }

  /** The body of the request, read as what it is. Its metadata names what the path does not. */
  requested(object: KubernetesObject): void {
    const { name, namespace, uid, resourceVersion } = object.metadata ?? {}
    const reference = this.#reference
    if (reference !== undefined) {
      if (!reference.namespace && namespace) reference.namespace = namespace
      if (!reference.name && name) reference.name = name
      if (!reference.uid && uid) reference.uid = uid
      if (!reference.resourceVersion && resourceVersion) reference.resourceVersion = resourceVersion
    }
    if (this.#atLeast('Request'))
      this.#requestObject = this.#ruling!.omitManagedFields ? withoutManagedFields(object) : structuredClone(object)
  }

  patched(patch: unknown): void {
    if (this.#atLeast('Request')) this.#requestObject = structuredClone(patch)
  }

  /** Whether what a body is completed with is recorded too. */
  get wantsRequests(): boolean {
    return this.#atLeast('Request')
  }

  /** An object of the answer, before it is encoded. */
  responded(body: ResponseBody): void {
    if (body.kind !== 'object') return
    // What is answered is frozen.
    if (this.#atLeast('RequestResponse'))
      this.#responseObject = this.#ruling!.omitManagedFields ? withoutManagedFields(body.object) : body.object
    else if (!this.#mayBeStatus(body)) return
    const object = body.object
    if (isObject(object) && object['kind'] === 'Status') this.#status = auditStatusOf(object as Partial<Status>)
  }

  /** Records the end of the answer, now or when its stream ends, which the response that is returned tells. */
  async answered(response: TransportResponse): Promise<TransportResponse> {
    if (!this.isOn) return response
    if (this.#isLong) await this.started(response.status)
    this.#status = { ...(this.#status ?? { metadata: {} }), code: response.status }
    const { body } = response
    if (body.kind === 'watch') return { ...response, body: { ...body, frames: this.#watchUntilEnd(body.frames) } }
    if (body.kind === 'stream') return { ...response, body: { ...body, stream: this.#untilEnd(body.stream) } }
    await this.ended()
    return response
  }

  /** A long-running request has begun to answer. */
  async started(code: number): Promise<void> {
    if (!this.isOn || this.#hasStarted) return
    this.#hasStarted = true
    this.#status = { ...(this.#status ?? { metadata: {} }), code }
    await this.#keep('ResponseStarted')
  }

  /** Keeps how long it takes, also when it fails. */
  timed<T>(layer: Layer, work: () => Answer<T>): Answer<T> {
    const { clock } = this.#keeper
    const fromMs = clock.monotonic()
    return ending(work, () => this.#latencies.add(layer, clock.monotonic() - fromMs))
  }

  async ended(): Promise<void> {
    if (!this.isOn || this.#isOver) return
    this.#isOver = true
    const totalMs = this.#keeper.clock.monotonic() - this.#startedAtMs
    for (const [key, value] of this.#latencies.shown(totalMs)) this.annotations.set(key, value)
    await this.#keep('ResponseComplete')
  }

  /** The request failed; `isUnexpected` when that was our fault. */
  async failed(status: Status, isUnexpected: boolean): Promise<void> {
    if (this.#isOver) return
    if (this.#info === undefined) return this.#unauthenticated(status)
    if (!this.isOn) return
    if (isUnexpected) {
      this.#isOver = true
      this.#status = auditStatusOf({ ...status, message: `APIServer panic'd: ${status.message ?? ''}` })
      await this.#keep('Panic')
      return
    }
    this.#status = auditStatusOf(status)
    if (this.#atLeast('RequestResponse')) this.#responseObject = status
    if (this.#isLong) await this.started(status.code)
    await this.ended()
  }

  /** Who could not be known is recorded once, with how they tried. */
  async #unauthenticated({ code }: Status): Promise<void> {
    if (code !== unauthorized().code) return
    let info: RequestInfo
    try {
      info = requestInfoOf(this.#request)
    } catch {
      return
    }
    await this.begin(info, undefined)
    if (!this.isOn) return
    this.#status = { metadata: {}, message: `Authentication failed, ${this.#attempted()}`, code }
    this.#isOver = true
    await this.#keep('ResponseStarted')
  }

  #attempted(): string {
    const { headers = {}, query } = this.#request
    const [scheme = ''] = (headers['authorization'] ?? '').split(' ', 1)
    const methods = [
      ...(scheme === '' ? [] : [scheme.toLowerCase() === 'basic' ? 'basic' : 'bearer']),
      ...(query?.has('access_token') ? ['access_token'] : []),
      ...(this.#peer.kind === 'tls' && this.#peer.certificate !== undefined ? ['x509'] : []),
    ]
    return methods.length === 0 ? 'no credentials provided' : `attempted: ${methods.join(', ')}`
  }

  get #isLong(): boolean {
    return this.#info !== undefined && isLongRunning(this.#info)
  }

  #atLeast(level: 'Request' | 'RequestResponse'): boolean {
    const actual = this.#ruling?.level
    return actual === 'RequestResponse' || (level === 'Request' && actual === 'Request')
  }

  /** To know a list's kind it need not be parsed. */
  #mayBeStatus(body: Extract<ResponseBody, { kind: 'object' }>): boolean {
    const { verb } = this.#info!
    return body.mediaType === undefined && (verb === 'delete' || verb === 'create')
  }

  async #keep(stage: AuditStage): Promise<boolean> {
    const { level, omitStages } = this.#ruling!
    if (omitStages.has(stage)) return true
    const sinceMs = stage === 'RequestReceived' ? 0 : this.#keeper.clock.monotonic() - this.#startedAtMs
    const info = this.#info!
    const userAgent = userAgentOf(this.#request)
    const sourceIPs = sourceIPsOf(this.#request, this.#peer)
    const annotations = this.annotations.shown()
    return this.#keeper.keep({
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level,
      auditID: this.id,
      stage,
      requestURI: uriOf(this.#request),
      verb: info.verb,
      user: this.#user,
      ...(this.#impersonated && { impersonatedUser: this.#impersonated }),
      ...(this.#constraint && { authenticationMetadata: { impersonationConstraint: this.#constraint } }),
      ...(sourceIPs.length > 0 && { sourceIPs }),
      ...(userAgent !== '' && { userAgent }),
      ...(this.#reference && { objectRef: inOrder(this.#reference) }),
      ...(this.#status && { responseStatus: this.#status }),
      ...(this.#requestObject !== undefined && { requestObject: this.#requestObject }),
      ...(this.#responseObject !== undefined && { responseObject: this.#responseObject }),
      requestReceivedTimestamp: formatMicroTime(this.#receivedMs),
      stageTimestamp: formatMicroTime(this.#receivedMs + sinceMs),
      ...(annotations && { annotations }),
    })
  }

  /** The same of a watch, whether it is iterated or pushed. */
  #watchUntilEnd(frames: WatchFrames): WatchFrames {
    const { pushTo } = frames
    if (pushTo === undefined) return this.#untilEnd(frames)
    return {
      ...this.#untilEnd(frames),
      pushTo: (taker) => {
        const watch = pushTo.call(frames, {
          take: (some) => taker.take(some),
          end: (error) => void this.ended().then(() => taker.end(error)),
        })
        return {
          resume: () => watch.resume(),
          stop: () => {
            watch.stop()
            void this.ended()
          },
        }
      },
    }
  }

  /** The same items; their end, whoever brings it about, is recorded. */
  #untilEnd<T>(items: AsyncIterable<T>): AsyncIterable<T> {
    return {
      [Symbol.asyncIterator]: () => {
        const iterator = items[Symbol.asyncIterator]()
        const over = async (result: IteratorResult<T>): Promise<IteratorResult<T>> => {
          if (result.done) await this.ended()
          return result
        }
        return {
          next: () =>
            iterator.next().then(over, async (error: unknown) => {
              await this.ended()
              throw error
            }),
          return: async () => {
            await this.ended()
            return (await iterator.return?.()) ?? { done: true, value: undefined }
          },
        }
      },
    }
  }
}

function referenceOf(info: Extract<RequestInfo, { kind: 'resource' }>): AuditObjectReference {
  const { resource, namespace, name, group, version, subresource } = info
  return {
    resource,
    ...(namespace && { namespace }),
    ...(name && { name }),
    ...(group && { apiGroup: group }),
    ...(version && { apiVersion: version }),
    ...(subresource && { subresource }),
  }
}

const REFERENCE_FIELDS = [
  'resource',
  'namespace',
  'name',
  'uid',
  'apiGroup',
  'apiVersion',
  'resourceVersion',
  'subresource',
] as const

/** A copy with its fields in upstream's order, since some are found late. */
function inOrder(reference: AuditObjectReference): AuditObjectReference {
  const ordered: AuditObjectReference = {}
  for (const field of REFERENCE_FIELDS) if (reference[field] !== undefined) ordered[field] = reference[field]
  return ordered
}
