import type { PriorityLevelConfiguration } from '#api'

/** In seats. */
export interface Limits {
  /** Its share of the server's. */
  readonly nominal: number
  /** What it keeps when others borrow. */
  readonly min: number
  readonly max: number
}

/** What each level has of the server's concurrency (https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#priority-levels). */
export function limitsOf(levels: ReadonlyMap<string, PriorityLevelConfiguration>, serverSeats: number): Map<string, Limits> {
  let sum = 0
  for (const level of levels.values()) sum += sharesOf(level)
  const limits = new Map<string, Limits>()
  for (const [name, level] of levels) {
    const nominal = sum === 0 ? 0 : Math.ceil((serverSeats * sharesOf(level)) / sum)
    const { lendablePercent = 0 } = level.spec?.limited ?? level.spec?.exempt ?? {}
    const borrowing = level.spec?.limited?.borrowingLimitPercent
    const lendable = Math.round((nominal * lendablePercent) / 100)
    const max = borrowing === undefined ? serverSeats : nominal + Math.round((nominal * borrowing) / 100)
    limits.set(name, { nominal, min: nominal - lendable, max: Math.max(max, nominal) })
  }
  return limits
}

const sharesOf = ({ spec }: PriorityLevelConfiguration): number => (spec?.limited ?? spec?.exempt)?.nominalConcurrencyShares ?? 0

export interface Claim {
  readonly lower: number
  readonly upper: number
  readonly target: number
}

/** Halvings until the fraction is known well enough for whole seats. */
const SEARCH_STEPS = 60

/**
 * Divides seats so that everyone gets the same fraction of their target, within their bounds: the fraction at which all is given away.
 *
 *     seats 10, claims [0..10 target 4], [0..10 target 16] → fraction 0.5 → 2 and 8
 */
export function divide(seats: number, claims: readonly Claim[]): { readonly seats: number[]; readonly fraction: number } {
  const at = (fraction: number): number[] =>
    claims.map(({ lower, upper, target }) => Math.min(upper, Math.max(lower, fraction * target)))
  const total = (fraction: number): number => at(fraction).reduce((sum, each) => sum + each, 0)
  let high = 1
  while (total(high) < seats && high < Number.MAX_SAFE_INTEGER) high *= 2
  let low = 0
  for (let step = 0; step < SEARCH_STEPS; step++) {
    const middle = (low + high) / 2
    if (total(middle) < seats) low = middle
    else high = middle
  }
  return { seats: at(high).map(Math.round), fraction: high }
}
