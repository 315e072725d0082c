import {
  type FlowSchema,
  flowSchemas,
  mandatoryFlowSchemas,
  mandatoryPriorityLevels,
  type PriorityLevelConfiguration,
  priorityLevelConfigurations,
  type ResourceDefinition,
} from '#api'
import { type Answer, type Clock, type Patience, recovering } from '#base'
import type { UserInfo } from '#client'
import type { RequestInfo } from '../request-info.ts'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import { Borrowing } from './borrowing.ts'
import { type CompiledSchema, compileSchemas } from './classify.ts'
import { limitsOf } from './concurrency.ts'
import { type Arrival, type Lease, PriorityLevel, SeatsRefused } from './priority-level.ts'
import { estimate } from './work-estimate.ts'

/** Upstream's --max-requests-inflight and --max-mutating-requests-inflight together. */
export const SERVER_SEATS = 400 + 200

export interface FlowRequest {
  readonly info: RequestInfo
  readonly user: UserInfo
  readonly resource: ResourceDefinition | undefined
  readonly query: URLSearchParams | undefined
  /** Of who waits for the answer. */
  readonly patience: Patience
  /** How long it may wait for seats. */
  readonly waitMs: number
}

/** What a request was taken for. */
export interface Classification {
  readonly schema: CompiledSchema
  readonly level: PriorityLevel
  /** Upstream's `X-Kubernetes-PF-…`; names are not told, since they say how important somebody is taken. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * API Priority and Fairness (https://kubernetes.io/docs/concepts/cluster-administration/flow-control/): FlowSchemas sort requests into flows and priority levels, and a level gives
 * its seats to flows in turn. What is configured is read from the cache at the first request after a change.
 */
export class FlowController implements Disposable {
  readonly #cache: WatchCache
  readonly #clock: Clock
  readonly #levels = new Map<string, PriorityLevel>()
  readonly #borrowing: Borrowing
  readonly #subscriptions: readonly Disposable[]
  /** In the order in which they are tried; the last matches everything. */
  #classifications: readonly Classification[] = []
  #isStale = true

  constructor({ cache, clock, serverSeats = SERVER_SEATS }: { cache: WatchCache; clock: Clock; serverSeats?: number }) {
    this.#cache = cache
    this.#clock = clock
    this.serverSeats = serverSeats
    this.#borrowing = new Borrowing(clock, serverSeats, () => this.levels)
    const forget = (): void => {
      this.#isStale = true
    }
    this.#subscriptions = [flowSchemas, priorityLevelConfigurations].map((each) => cache.of(each).subscribe(forget))
  }

  readonly serverSeats: number

  get levels(): readonly PriorityLevel[] {
    this.#refresh()
    this.#dropQuiet()
    return [...this.#levels.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  get borrowing(): Borrowing {
    return this.#borrowing
  }

  classify(request: Pick<FlowRequest, 'info' | 'user'>): Classification {
    this.#refresh()
    for (const each of this.#classifications) if (each.schema.matches(request)) return each
    return this.#classifications.at(-1)!
  }

  /** Seats for the request, now or when it is its turn; throws {@link SeatsRefused} when there are none for it. */
  admit(request: FlowRequest, { schema, level }: Classification): Answer<Lease> {
    const { info, resource, query } = request
    const arrival: Arrival = {
      schema: schema.name,
      distinguisher: schema.distinguisher(request),
      work: level.isExempt ? ONE : estimate(info, resource, query, this.#cache, level.seatsPerRequestMax),
      waitMs: request.waitMs,
      patience: request.patience,
      describe: () => describe(request),
    }
    const taking = recovering(
      () => level.take(arrival),
      (error) => {
        if (error instanceof SeatsRefused) this.#borrowing.arm()
        throw error
      },
    )
    if (level.waiting > 0) this.#borrowing.arm()
    return taking
  }

  [Symbol.dispose](): void {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]()
    for (const level of this.#levels.values()) level[Symbol.dispose]()
    this.#borrowing[Symbol.dispose]()
  }

  #refresh(): void {
    if (!this.#isStale) return
    this.#isStale = false
    const configured = byName(
      this.#cache.of(priorityLevelConfigurations).objects() as Iterable<PriorityLevelConfiguration>,
      mandatoryPriorityLevels,
    )
    const schemas = byName(this.#cache.of(flowSchemas).objects() as Iterable<FlowSchema>, mandatoryFlowSchemas)
    // A level that is gone ends what it has; nothing new comes to it.
    for (const [name, level] of this.#levels) if (!configured.has(name)) level.isQuiescing = true
    const limits = limitsOf(configured, this.serverSeats)
    for (const [name, configuration] of configured) {
      const level = this.#levels.get(name) ?? new PriorityLevel(configuration, this.#clock)
      level.configure(configuration, limits.get(name)!)
      this.#levels.set(name, level)
    }
    // A schema that names a level that is not there matches nothing.
    const usable = compileSchemas([...schemas.values()]).filter(({ level }) => configured.has(level))
    const catchAll = usable.filter(({ name }) => name === 'catch-all')
    this.#classifications = [...usable, ...catchAll].map((schema) => classificationOf(schema, this.#levels.get(schema.level)!))
  }

  #dropQuiet(): void {
    for (const [name, level] of this.#levels) {
      if (!level.isQuiescing || !level.isIdle) continue
      level[Symbol.dispose]()
      this.#levels.delete(name)
    }
  }
}

const classificationOf = (schema: CompiledSchema, level: PriorityLevel): Classification => ({
  schema,
  level,
  headers: { 'x-kubernetes-pf-flowschema-uid': schema.uid, 'x-kubernetes-pf-prioritylevel-uid': level.uid },
})

const ONE = { initialSeats: 1, finalSeats: 0, additionalLatencyMs: 0 }

/** What is stored, and of the mandatory what is not. */
function byName<T extends { metadata?: { name?: string } }>(stored: Iterable<T>, mandatory: readonly T[]): Map<string, T> {
  const found = new Map<string, T>()
  for (const each of [...mandatory, ...stored]) found.set(each.metadata?.name ?? '', each)
  return found
}

/** User, verb, path, namespace, name, API version, resource and subresource, for the dump of requests. */
function describe({ user, info }: FlowRequest): readonly string[] {
  if (info.kind === 'path') return [user.username, info.verb, info.path, '', '', '', '', '']
  const version = info.group === '' ? info.version : `${info.group}/${info.version}`
  return [user.username, info.verb, info.path, info.namespace, info.name, version, info.resource, info.subresource]
}
