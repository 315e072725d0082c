/** A programmer's error: a condition that the code itself guarantees did not hold. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** States why `condition` holds; throws {@link AssertionError} when it does not. Never for input. */
export function assert(condition: unknown, whyItHolds: string): asserts condition {
  if (!condition) throw new AssertionError(whyItHolds)
}

/** Marks the branch of a switch that the types exclude. */
export function unreachable(value: never): never {
  throw new AssertionError(`no other case: ${String(value)}`)
}
