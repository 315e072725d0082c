import { Failure } from './failure.ts'

/**
 * Work that costs do not see: upstream prices an equality by the outer sizes, while lists of shared lists can be exponentially larger than what
 * made them. Each evaluation may touch this many elements; evaluations are synchronous, so one counter serves.
 */
const ELEMENTS_MAX = 4_000_000

let left = ELEMENTS_MAX

/** Counts elements that are compared, printed or copied out of nested values. */
export function spend(elements: number): void {
  left -= elements
  if (left < 0) throw new Failure('operation cancelled: values too large', true)
}

/** Runs one evaluation with a budget of its own. */
export function withBudget<T>(evaluate: () => T): T {
  const outer = left
  left = ELEMENTS_MAX
  try {
    return evaluate()
  } finally {
    left = outer
  }
}
