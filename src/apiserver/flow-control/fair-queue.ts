import type { WorkEstimate } from './work-estimate.ts'

/** A request that waits for its seats, or has them. */
export interface QueuedRequest {
  readonly schema: string
  readonly flow: string
  readonly work: WorkEstimate
  readonly arrivedMs: number
  startedMs: number | undefined
  readonly queue: FairQueue | undefined
  readonly resolve: () => void
  /** For the dump of requests. */
  readonly describe: () => readonly string[]
}

/** Why a request got no seats, as upstream counts it. */
export type Rejection = 'queue-full' | 'concurrency-limit' | 'time-out' | 'cancelled'

/** What a request is taken to cost before it has run (upstream's initial guess). */
const SERVICE_SECONDS_GUESS = 0.003

/** Seat-seconds that a request is expected to take. */
export const workOf = ({ initialSeats, finalSeats, additionalLatencyMs }: WorkEstimate): number =>
  initialSeats * SERVICE_SECONDS_GUESS + (finalSeats * additionalLatencyMs) / 1000

/** One queue of a level: its requests in order, and from where in virtual time its next one is served. */
export class FairQueue {
  readonly index: number
  readonly waiting: QueuedRequest[] = []
  nextDispatchR = 0
  seatsInUse = 0
  executing = 0
  /** Of what waits, in seat-seconds. */
  work = 0

  constructor(index: number) {
    this.index = index
  }

  get isActive(): boolean {
    return this.waiting.length > 0 || this.executing > 0
  }

  /** How much is in front of one who joins. */
  get load(): number {
    return this.work + this.seatsInUse * SERVICE_SECONDS_GUESS
  }

  enqueue(request: QueuedRequest): void {
    this.waiting.push(request)
    this.work += workOf(request.work)
  }

  dequeue(request: QueuedRequest): void {
    const at = this.waiting.indexOf(request)
    if (at === -1) return
    this.waiting.splice(at, 1)
    this.work = this.waiting.length === 0 ? 0 : this.work - workOf(request.work)
  }
}
