import { Failure } from '../values/failure.ts'
import type { Value } from '../values/value.ts'

/** A compiled node. */
export type Evaluator = (frame: Frame) => Value

/** Looks a declared variable up; undefined when it has no value. */
export type Activation = (name: string) => Value | undefined

const INTERRUPT_CHECK_ITERATIONS = 100

/** One evaluation: its variables and what it has cost. */
export class Frame {
  /** Variables and accumulators of comprehensions, by the slot that the planner gave them. */
  readonly slots: (Value | Failure | undefined)[] = []
  cost = 0
  private readonly limit: number
  private readonly activation: Activation
  private readonly isCancelled: (() => boolean) | undefined
  private readonly roots = new Map<string, Value | undefined>()
  private iterations = 0

  constructor(activation: Activation, limit: number, isCancelled: (() => boolean) | undefined) {
    this.activation = activation
    this.limit = limit
    this.isCancelled = isCancelled
  }

  /** Adds to the cost; past the limit the evaluation ends. */
  charge(cost: number): void {
    this.cost += cost
    if (this.cost > this.limit) throw new Failure('operation cancelled: actual cost limit exceeded', true)
  }

  /**
   * Where a part of a call or literal failed: upstream evaluates what is `left` of it all the same, and the whole has its price. `failed` is what
   * was thrown; it is thrown again. What failed counts as null.
   */
  fail(failed: unknown, costOf: (left: Value) => number, left?: Evaluator): never {
    if (failed instanceof Failure && !failed.fatal) {
      const value = left === undefined ? null : this.attempt(left)
      this.charge(costOf(value instanceof Failure ? null : value))
    }
    throw failed
  }

  /** A value, or the failure that an operator may absorb. */
  attempt(part: Evaluator): Value | Failure {
    try {
      return part(this)
    } catch (error) {
      if (!(error instanceof Failure) || error.fatal) throw error
      return error
    }
  }

  /** A variable of the environment, adapted once an evaluation. */
  root(name: string): Value | undefined {
    const known = this.roots.get(name)
    if (known !== undefined) return known
    const value = this.activation(name)
    this.roots.set(name, value)
    return value
  }

  /** Called once for each turn of a loop. */
  iterate(): void {
    if (this.isCancelled === undefined || ++this.iterations % INTERRUPT_CHECK_ITERATIONS !== 0) return
    if (this.isCancelled()) throw new Failure('operation interrupted', true)
  }
}
