/**
 * How evaluation fails inside: thrown without a stack, because `false && failing` absorbs failures and hostile
 * expressions make many. {@link Program} turns what escapes into an `EvaluationError`.
 */
export class Failure {
  readonly message: string
  /** Cost and cancellation end the whole evaluation: no operator absorbs them. */
  readonly fatal: boolean

  constructor(message: string, fatal = false) {
    this.message = message
    this.fatal = fatal
  }
}

export function fail(message: string): never {
  throw new Failure(message)
}

export const noSuchOverload = (): never => fail('no such overload')
