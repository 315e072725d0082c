import type { MatchCondition } from '#api'
import type { Evaluation, Program, Value, Variables } from '#cel'
import type { KubernetesObject } from '#meta'
import { allHold } from '../expression/conditions.ts'
import type { CompiledPolicy } from './compiled.ts'

/** The expressions of one policy for one request and one parameter: variables are evaluated once, and all together may cost so much. */
export class PolicyRun {
  readonly #compiled: CompiledPolicy
  readonly #values: Variables
  #budget: number

  constructor(compiled: CompiledPolicy, request: Variables, params: KubernetesObject | null) {
    this.#compiled = compiled
    this.#budget = compiled.cel.RUNTIME_COST_BUDGET
    this.#values = { ...request, params, variables: variableValues(compiled, (program) => this.#evaluateVariable(program)) }
  }

  conditionsHold(conditions: readonly MatchCondition[]): Promise<boolean> {
    return allHold(conditions, this.#compiled.conditions, this.#values, (program) => this.#evaluate(program))
  }

  /** Waits for what the authorizer is asked. Rejects for what does not compile, fails, or costs too much. */
  async evaluate(expression: string): Promise<Value> {
    return this.#evaluate(this.#compiled.program(expression))
  }

  async #evaluate(program: Program): Promise<Value> {
    return this.#charge(await program.evaluateAsync(this.#values, { costLimit: this.#limit() }))
  }

  /** Inside an expression, which waits as a whole. */
  #evaluateVariable(program: Program): Value {
    return this.#charge(program.evaluate(this.#values, { costLimit: this.#limit() }))
  }

  #limit(): number {
    if (this.#budget <= 0)
      throw new Error('validation failed due to running out of cost budget, no further validation rules will be run')
    return Math.min(this.#compiled.cel.PER_CALL_LIMIT, this.#budget)
  }

  #charge({ value, cost }: Evaluation): Value {
    this.#budget -= cost
    return value
  }
}

/** `variables.name`: evaluated when it is first read. */
function variableValues({ cel, variables }: CompiledPolicy, evaluate: (program: Program) => Value): unknown {
  const known = new Map<string, Value>()
  return new (class extends cel.StructValue {
    override readonly typeName = 'kubernetes.variables'

    override field(name: string): Value | undefined {
      const program = variables.get(name)
      if (program === undefined) return undefined
      let value = known.get(name)
      if (value === undefined) {
        try {
          value = evaluate(program())
        } catch (error) {
          if (error instanceof cel.Suspension) throw error
          return cel.fail(`composited variable ${JSON.stringify(name)} fails to evaluate: ${(error as Error).message}`)
        }
        known.set(name, value)
      }
      return value
    }

    override has(name: string): boolean {
      return variables.has(name)
    }

    override names(): readonly string[] {
      return [...variables.keys()]
    }
  })()
}
