import type { Clock, Timer } from '#base'
import { divide } from './concurrency.ts'
import type { PriorityLevel } from './priority-level.ts'
import { type Observation, smoothed } from './seat-demand.ts'

/** In seats. */
export interface Demand extends Observation {
  readonly smoothed: number
  /** What it is to get, as far as there is enough. */
  readonly target: number
}

const NO_DEMAND: Demand = { average: 0, deviation: 0, highest: 0, smoothed: 0, target: 0 }

/** How often seats are moved between levels while any level has use for them. */
const PERIOD_MS = 10_000

/**
 * Lends seats that a level does not use to those that want them, every ten seconds, by the demand of the time before
 * (https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#seat-borrowing). While nobody wants more than its own, nothing runs.
 */
export class Borrowing implements Disposable {
  readonly #clock: Clock
  readonly #serverSeats: number
  readonly #levels: () => Iterable<PriorityLevel>
  readonly #demands = new Map<string, Demand>()
  #timer: Timer | undefined
  /** At which every level's target is met, upstream's `seat_fair_frac`. */
  fairFraction = 0

  constructor(clock: Clock, serverSeats: number, levels: () => Iterable<PriorityLevel>) {
    this.#clock = clock
    this.#serverSeats = serverSeats
    this.#levels = levels
  }

  /** Some level has, or may soon have, use for seats of others. */
  arm(): void {
    this.#timer ??= this.#clock.after(PERIOD_MS, () => {
      this.#timer = undefined
      this.#adjust()
    })
  }

  /** Of a level over the last period; nothing while seats are where they belong. */
  demandOf(name: string): Demand {
    return this.#demands.get(name) ?? NO_DEMAND
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
  }

  #adjust(): void {
    const nowMs = this.#clock.monotonic()
    const levels = [...this.#levels()]
    let wanted = false
    const claims = levels.map((level) => {
      const observation = level.demand.reset(nowMs)
      const target = smoothed(this.demandOf(level.name).smoothed, observation)
      const { nominal, min, max } = level.limits
      // What it used lately, up to its own, is not lent; nor ever is what it may not lend.
      const lower = Math.max(min, Math.min(nominal, observation.highest))
      if (observation.highest > nominal) wanted = true
      const claim = { lower, upper: max, target: Math.max(lower, target, 1e-3) }
      this.#demands.set(level.name, { ...observation, smoothed: target, target: claim.target })
      return claim
    })
    const exempt = levels.reduce((sum, level) => sum + (level.isExempt ? Math.round(level.demand.seats) : 0), 0)
    const limited = levels.flatMap((level, at) => (level.isExempt ? [] : [{ level, claim: claims[at]! }]))
    const lowest = limited.reduce((sum, { claim }) => sum + claim.lower, 0)
    const seats = Math.max(lowest, this.#serverSeats - exempt)
    const division = divide(
      seats,
      limited.map(({ claim }) => claim),
    )
    this.fairFraction = division.fraction
    for (const [at, { level }] of limited.entries()) level.setSeats(wanted ? division.seats[at]! : level.limits.nominal)
    if (wanted) this.arm()
  }
}
