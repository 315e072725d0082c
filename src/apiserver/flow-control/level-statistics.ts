import { Histogram } from '../prometheus.ts'
import type { Rejection } from './fair-queue.ts'

const SECONDS = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30]
const SEATS = [1, 2, 4, 8, 16, 32, 64, 100]

/** What became of the requests that matched one schema at one level. */
export class SchemaStatistics {
  dispatched = 0
  executing = 0
  executingSeats = 0
  inQueue = 0
  noAccommodation = 0
  readonly rejected = new Map<Rejection, number>()
  readonly waitSeconds = new Histogram(SECONDS)
  readonly executionSeconds = new Histogram(SECONDS)
  readonly estimatedSeats = new Histogram(SEATS)

  start(waitedMs: number, seats: number): void {
    this.dispatched++
    this.executing++
    this.executingSeats += seats
    this.waitSeconds.observe(waitedMs / 1000)
    this.estimatedSeats.observe(seats)
  }

  finish(ranMs: number, seats: number): void {
    this.executing--
    this.executingSeats -= seats
    this.executionSeconds.observe(ranMs / 1000)
  }

  reject(reason: Rejection): void {
    this.rejected.set(reason, (this.rejected.get(reason) ?? 0) + 1)
  }
}

/** By schema; what is counted here stays when the schema goes. */
export class LevelStatistics {
  readonly #schemas = new Map<string, SchemaStatistics>()

  note(schema: string): SchemaStatistics {
    let statistics = this.#schemas.get(schema)
    if (statistics === undefined) {
      statistics = new SchemaStatistics()
      this.#schemas.set(schema, statistics)
    }
    return statistics
  }

  get schemas(): ReadonlyMap<string, SchemaStatistics> {
    return this.#schemas
  }

  get dispatched(): number {
    return this.#sum(({ dispatched }) => dispatched)
  }

  /** For one of the reasons, or for any. */
  rejected(reason?: Rejection): number {
    return this.#sum(({ rejected }) =>
      reason === undefined ? [...rejected.values()].reduce((sum, each) => sum + each, 0) : (rejected.get(reason) ?? 0),
    )
  }

  #sum(of: (statistics: SchemaStatistics) => number): number {
    let sum = 0
    for (const statistics of this.#schemas.values()) sum += of(statistics)
    return sum
  }
}
