import { Failure } from '../values/failure.ts'
import type { Value } from '../values/value.ts'
import { withBudget } from '../values/work.ts'
import { type Activation, type Evaluator, Frame } from './frame.ts'

/** An expression failed on its data: the message is upstream's, such as `no such key: x`. */
export class EvaluationError extends Error {
  override readonly name: string = 'EvaluationError'
  /** What the evaluation had cost when it failed. */
  readonly cost: number

  constructor(message: string, cost: number) {
    super(message)
    this.cost = cost
  }
}

/** The evaluation was ended: it cost more than it may, or the caller gave up. */
export class EvaluationCancelled extends EvaluationError {
  override readonly name = 'EvaluationCancelled'
}

export interface EvaluateOptions {
  /** Default: the environment's limit. */
  readonly costLimit?: number
  /** Asked every hundred turns of a loop; true ends the evaluation. */
  readonly isCancelled?: () => boolean
}

export interface Evaluation {
  readonly value: Value
  /** In upstream's units. */
  readonly cost: number
}

/** Runs compiled closures once. Throws {@link EvaluationError}. */
export function run(evaluator: Evaluator, activation: Activation, costLimit: number, isCancelled?: () => boolean): Evaluation {
  const frame = new Frame(activation, costLimit, isCancelled)
  try {
    return { value: withBudget(() => evaluator(frame)), cost: frame.cost }
  } catch (error) {
    // A text or a nesting past what the engine can hold.
    if (error instanceof RangeError) throw new EvaluationCancelled('operation cancelled: values too large', frame.cost)
    if (!(error instanceof Failure)) throw error
    throw error.fatal ? new EvaluationCancelled(error.message, frame.cost) : new EvaluationError(error.message, frame.cost)
  }
}
