import type { PriorityLevelConfiguration } from '#api'
import type { Answer, Clock, Patience, Timer } from '#base'
import type { Limits } from './concurrency.ts'
import { FairQueue, type QueuedRequest, type Rejection, workOf } from './fair-queue.ts'
import { Hands } from './hands.ts'
import { LevelStatistics } from './level-statistics.ts'
import { SeatDemand } from './seat-demand.ts'
import type { WorkEstimate } from './work-estimate.ts'

export interface Arrival {
  readonly schema: string
  readonly distinguisher: string
  readonly work: WorkEstimate
  /** How long it may wait for its seats. */
  readonly waitMs: number
  readonly patience: Patience
  readonly describe: () => readonly string[]
}

/** A request got no seats. */
export class SeatsRefused extends Error {
  override readonly name = 'SeatsRefused'
  readonly reason: Rejection

  constructor(reason: Rejection) {
    super(`the request got no seats: ${reason}`)
    this.reason = reason
  }
}

/** The seats of a request; releasing twice is harmless. */
export interface Lease {
  release(): void
}

/**
 * A priority level: seats, and queues in which requests wait for them. Flows are dealt to queues by shuffle sharding, and queues are served by fair queuing: in the order in which their
 * first requests would end if all queues were served at once, each by its share. So a flow with a hundred requests waits behind itself, and one with a single request waits for
 * little. Requests of an exempt level never wait.
 */
export class PriorityLevel implements Disposable {
  readonly name: string
  readonly statistics: LevelStatistics
  readonly demand: SeatDemand
  readonly #clock: Clock
  readonly #queues = new Map<number, FairQueue>()
  readonly #requests = new Set<QueuedRequest>()
  readonly #holds = new Set<Timer>()
  #configuration: PriorityLevelConfiguration
  #hands: Hands | undefined
  #limits: Limits = { nominal: 0, min: 0, max: 0 }
  #seats = 0
  #seatsInUse = 0
  #executing = 0
  #waiting = 0
  /** Virtual time: seconds of service that every active queue has had. */
  #virtual = 0
  #virtualAtMs: number
  /** Whether the level was taken out of the configuration and only ends what it has. */
  isQuiescing = false

  constructor(configuration: PriorityLevelConfiguration, clock: Clock) {
    this.name = configuration.metadata?.name ?? ''
    this.#configuration = configuration
    this.#clock = clock
    this.#virtualAtMs = clock.monotonic()
    this.demand = new SeatDemand(this.#virtualAtMs)
    this.statistics = new LevelStatistics()
    this.configure(configuration, this.#limits)
  }

  get configuration(): PriorityLevelConfiguration {
    return this.#configuration
  }

  get uid(): string {
    return this.#configuration.metadata?.uid ?? ''
  }

  get isExempt(): boolean {
    return this.#configuration.spec?.type === 'Exempt'
  }

  get limits(): Limits {
    return this.#limits
  }

  /** Seats that it has at present, with what it has borrowed or lent. */
  get seats(): number {
    return this.#seats
  }

  get seatsInUse(): number {
    return this.#seatsInUse
  }

  get executing(): number {
    return this.#executing
  }

  get waiting(): number {
    return this.#waiting
  }

  get isIdle(): boolean {
    return this.#executing === 0 && this.#waiting === 0 && this.#seatsInUse === 0
  }

  /** Seats that one request may take: 15 percent, so that a few large ones do not fill a level. */
  get seatsPerRequestMax(): number {
    return Math.max(1, Math.ceil(this.#limits.nominal * 0.15))
  }

  get queues(): readonly FairQueue[] {
    return [...this.#queues.values()].sort((a, b) => a.index - b.index)
  }

  get requests(): Iterable<QueuedRequest> {
    return this.#requests
  }

  configure(configuration: PriorityLevelConfiguration, limits: Limits): void {
    const { queues = 0, handSize = 0 } = queuingOf(configuration)
    const { queues: had = 0, handSize: hadHand = 0 } = queuingOf(this.#configuration)
    if (this.#hands === undefined || queues !== had || handSize !== hadHand) {
      this.#hands = queues > 0 ? new Hands(queues, handSize) : undefined
    }
    this.#configuration = configuration
    this.#limits = limits
    this.isQuiescing = false
    this.setSeats(limits.nominal)
  }

  setSeats(seats: number): void {
    this.#advance()
    this.#seats = seats
    this.#dispatch()
  }

  /** The seats, at once when there are any and nobody waits. Throws {@link SeatsRefused}. */
  take(arrival: Arrival): Answer<Lease> {
    this.#advance()
    const queue = this.isExempt ? undefined : this.#queueFor(arrival)
    this.demand.add(seatsOf(arrival.work), this.#virtualAtMs)
    if (this.isExempt || (this.#waiting === 0 && this.#hasRoomFor(arrival.work))) {
      const request = this.#request(arrival, queue, nothing)
      this.#start(request)
      return this.#leaseOf(request)
    }
    if (queue === undefined) throw this.#refused(arrival, 'concurrency-limit', true)
    return this.#wait(arrival, queue)
  }

  #wait(arrival: Arrival, queue: FairQueue): Promise<Lease> {
    const { promise, resolve, reject } = Promise.withResolvers<Lease>()
    const request = this.#request(arrival, queue, () => {
      settle()
      resolve(this.#leaseOf(request))
    })
    const leave = (reason: Rejection): void => {
      settle()
      queue.dequeue(request)
      this.#requests.delete(request)
      this.#countWaiting(request, -1)
      reject(this.#refused(arrival, reason, true))
      this.#dispatch()
    }
    const timer = this.#clock.after(arrival.waitMs, () => leave('time-out'))
    let listening: Disposable | undefined
    const settle = (): void => {
      timer[Symbol.dispose]()
      listening?.[Symbol.dispose]()
    }
    queue.enqueue(request)
    this.#countWaiting(request, 1)
    listening = arrival.patience.onEnd(() => leave('cancelled'))
    this.#dispatch()
    return promise
  }

  [Symbol.dispose](): void {
    for (const timer of this.#holds) timer[Symbol.dispose]()
    this.#holds.clear()
  }

  #request({ schema, distinguisher, work, describe }: Arrival, queue: FairQueue | undefined, resolve: () => void): QueuedRequest {
    const request: QueuedRequest = {
      schema,
      flow: distinguisher,
      work,
      arrivedMs: this.#clock.now(),
      startedMs: undefined,
      queue,
      resolve,
      describe,
    }
    this.#requests.add(request)
    return request
  }

  /** The least loaded queue of the flow's hand; undefined where requests are refused instead. */
  #queueFor(arrival: Arrival): FairQueue | undefined {
    if (this.#hands === undefined) return undefined
    let best: FairQueue | undefined
    for (const index of this.#hands.of(`${arrival.schema}\0${arrival.distinguisher}`)) {
      const queue = this.#queues.get(index) ?? new FairQueue(index)
      if (best === undefined || queue.load < best.load) best = queue
      if (best.load === 0) break
    }
    const { queueLengthLimit = 0 } = queuingOf(this.#configuration)
    const isFull = best !== undefined && best.waiting.length >= queueLengthLimit
    if (isFull && !(this.#waiting === 0 && this.#hasRoomFor(arrival.work))) throw this.#refused(arrival, 'queue-full')
    if (best === undefined) return undefined
    this.#queues.set(best.index, best)
    if (!best.isActive) best.nextDispatchR = this.#virtual
    return best
  }

  #refused({ schema, work }: Arrival, reason: Rejection, demanded = false): SeatsRefused {
    if (demanded) this.demand.add(-seatsOf(work), this.#clock.monotonic())
    this.statistics.note(schema).reject(reason)
    return new SeatsRefused(reason)
  }

  #countWaiting({ schema }: QueuedRequest, delta: number): void {
    this.#waiting += delta
    this.statistics.note(schema).inQueue += delta
  }

  /** A request that is wider than the level runs alone. */
  #hasRoomFor(work: WorkEstimate): boolean {
    const wanted = seatsOf(work)
    return wanted > this.#seats ? this.#executing === 0 && this.#seats > 0 : this.#seatsInUse + wanted <= this.#seats
  }

  #dispatch(): void {
    for (;;) {
      const next = this.#next()
      if (next === undefined) return
      const request = next.waiting[0]!
      if (!this.#hasRoomFor(request.work)) {
        this.statistics.note(request.schema).noAccommodation++
        return
      }
      next.dequeue(request)
      this.#countWaiting(request, -1)
      this.#start(request)
      request.resolve()
    }
  }

  /** The queue whose first request would end first, were all queues served at once. */
  #next(): FairQueue | undefined {
    let best: FairQueue | undefined
    let bestEnd = Number.POSITIVE_INFINITY
    for (const queue of this.#queues.values()) {
      const first = queue.waiting[0]
      if (first === undefined) continue
      const end = queue.nextDispatchR + workOf(first.work)
      if (end >= bestEnd) continue
      best = queue
      bestEnd = end
    }
    return best
  }

  #start(request: QueuedRequest): void {
    const { queue, work, schema } = request
    request.startedMs = this.#clock.now()
    this.#executing++
    this.#seatsInUse += seatsOf(work)
    if (queue !== undefined) {
      queue.executing++
      queue.seatsInUse += seatsOf(work)
      queue.nextDispatchR += workOf(work)
    }
    this.statistics.note(schema).start(request.startedMs - request.arrivedMs, seatsOf(work))
  }

  #leaseOf(request: QueuedRequest): Lease {
    const startedMs = this.#clock.monotonic()
    let released = false
    return {
      release: () => {
        if (released) return
        released = true
        this.#finish(request, this.#clock.monotonic() - startedMs)
      },
    }
  }

  #finish(request: QueuedRequest, ranMs: number): void {
    const { work, queue, schema } = request
    this.#executing--
    this.#requests.delete(request)
    this.statistics.note(schema).finish(ranMs, seatsOf(work))
    if (queue !== undefined) {
      queue.executing--
      // What it really took, instead of what was guessed.
      const took = (work.initialSeats * ranMs + work.finalSeats * work.additionalLatencyMs) / 1000
      queue.nextDispatchR += took - workOf(work)
    }
    if (work.finalSeats === 0) this.#free(request)
    else {
      const timer = this.#clock.after(work.additionalLatencyMs, () => {
        this.#holds.delete(timer)
        this.#free(request)
      })
      this.#holds.add(timer)
    }
  }

  #free({ work, queue }: QueuedRequest): void {
    this.#advance()
    this.#seatsInUse -= seatsOf(work)
    this.demand.add(-seatsOf(work), this.#virtualAtMs)
    if (queue !== undefined) {
      queue.seatsInUse -= seatsOf(work)
      if (!queue.isActive && queue.seatsInUse === 0) this.#queues.delete(queue.index)
    }
    this.#dispatch()
  }

  /** Moves virtual time on: as fast as seats are worked on, divided by the queues that want some. */
  #advance(): void {
    const nowMs = this.#clock.monotonic()
    const passed = (nowMs - this.#virtualAtMs) / 1000
    this.#virtualAtMs = nowMs
    if (passed <= 0 || this.#queues.size === 0) return
    let active = 0
    for (const queue of this.#queues.values()) if (queue.isActive) active++
    if (active > 0) this.#virtual += (passed * Math.min(this.demand.seats, this.#seats)) / active
  }
}

const nothing = (): void => undefined

const seatsOf = ({ initialSeats, finalSeats }: WorkEstimate): number => Math.max(initialSeats, finalSeats)

const queuingOf = ({ spec }: PriorityLevelConfiguration): { queues?: number; handSize?: number; queueLengthLimit?: number } =>
  spec?.limited?.limitResponse?.type === 'Queue' ? (spec.limited.limitResponse.queuing ?? {}) : {}
