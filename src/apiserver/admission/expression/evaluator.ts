import { compileExpression, type ExpressionProblem } from '#api'
import type { Environment, Program, Value, Variables } from '#cel'
import type { Cel } from './cel.ts'

/** An expression ready to run, or what is wrong with it. */
export interface Compiled {
  readonly text: string
  readonly program: Program | ExpressionProblem
}

/** Compiled when it is first needed. */
export type Lazily = () => Compiled

export function lazily(cel: Cel, environment: () => Environment, text: string, returns?: readonly string[]): Lazily {
  let made: Compiled | undefined
  return () => (made ??= { text, program: compileExpression(cel, environment(), text, returns) })
}

/** What an expression came to; errors are in upstream's words. */
export type Outcome = { readonly value: Value } | { readonly error: string }

/** Expressions of one purpose may cost so much together; nothing comes of any when they cost more. */
export class OutOfBudget extends Error {
  override readonly name = 'OutOfBudget'

  constructor() {
    super('validation failed due to running out of cost budget, no further validation rules will be run')
  }
}

/** Evaluates expressions that share what they may cost, and variables, which are evaluated when they are first read. */
export class Evaluator {
  readonly #cel: Cel
  readonly #values: Variables
  #budget: number
  /** What variables cost that were read since the last expression began. */
  #composed = 0

  constructor(cel: Cel, values: Variables, budget: number, variables?: ReadonlyMap<string, Lazily>) {
    this.#cel = cel
    this.#budget = budget
    this.#values = variables === undefined ? values : { ...values, variables: this.#variableValues(variables) }
  }

  /** What expressions may still cost. */
  get budget(): number {
    return this.#budget
  }

  /** Waits for what an authorizer is asked. Rejects with {@link OutOfBudget}. */
  async evaluate({ text, program }: Compiled): Promise<Outcome> {
    if ('problem' in program) return { error: `compilation error: ${program.problem}` }
    let outcome: Outcome
    let spent: number
    try {
      const { value, cost } = await program.evaluateAsync(this.#values)
      outcome = { value }
      spent = cost
    } catch (error) {
      if (!(error instanceof this.#cel.EvaluationError)) throw error
      outcome = { error: `expression '${text}' resulted in error: ${error.message}` }
      spent = error.cost
    }
    this.#spend(this.#composed)
    this.#composed = 0
    this.#spend(spent)
    return outcome
  }

  #spend(cost: number): void {
    if (cost > this.#budget) throw new OutOfBudget()
    this.#budget -= cost
  }

  /** Inside an expression, which waits as a whole. */
  #variable(name: string, { program }: Compiled): Value {
    const { EvaluationError, fail } = this.#cel
    if ('problem' in program) return fail(`composited variable ${JSON.stringify(name)} fails to compile: ${program.problem}`)
    try {
      const { value, cost } = program.evaluate(this.#values)
      this.#composed += cost
      return value
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error
      this.#composed += error.cost
      return fail(`composited variable ${JSON.stringify(name)} fails to evaluate: ${error.message}`)
    }
  }

  #variableValues(variables: ReadonlyMap<string, Lazily>): unknown {
    const known = new Map<string, Value>()
    const read = (name: string): Value | undefined => {
      let value = known.get(name)
      if (value !== undefined) return value
      const compiled = variables.get(name)
      if (compiled === undefined) return undefined
      value = this.#variable(name, compiled())
      known.set(name, value)
      return value
    }
    return new (class extends this.#cel.StructValue {
      override readonly typeName = 'kubernetes.variables'
      override field = read
      override has = (name: string): boolean => variables.has(name)
      override names = (): readonly string[] => [...variables.keys()]
    })()
  }
}
