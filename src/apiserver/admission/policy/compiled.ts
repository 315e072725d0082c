import { admissionEnvironment, EXPRESSION_RETURNS, type MatchCondition, type Variable, variableType } from '#api'
import type { Environment, Type } from '#cel'
import type { Cel } from '../expression/cel.ts'
import { type Lazily, lazily } from '../expression/evaluator.ts'

/** What validating and mutating policies share. */
export interface PolicySpec {
  readonly variables?: readonly Variable[]
  readonly matchConditions?: readonly MatchCondition[]
  readonly paramKind?: { readonly apiVersion?: string; readonly kind?: string }
}

/** What an expression is for, beside what it may return. */
export interface Purpose {
  readonly returns: readonly string[]
  /** Whether it makes a patch. */
  readonly mutation?: boolean
  /** Whether it may ask what the author of a request may do; it may, unless said otherwise. */
  readonly authorizer?: boolean
}

/** A policy's expressions, each compiled when it is first needed. All of them see the policy's variables; a variable sees those before it. */
export class CompiledPolicy {
  readonly cel: Cel
  readonly variables = new Map<string, Lazily>()
  readonly conditions: readonly Lazily[]
  readonly #params: boolean
  readonly #types = new Map<string, Type>()
  readonly #environments = new Map<string, Environment>()

  constructor(cel: Cel, { variables = [], matchConditions = [], paramKind }: PolicySpec) {
    this.cel = cel
    this.#params = paramKind !== undefined
    for (const { name, expression } of variables) {
      const before = new Map(this.#types)
      const variable = lazily(cel, () => admissionEnvironment(cel, { params: this.#params, variables: before }), expression)
      this.variables.set(name, variable)
      this.#types.set(name, variableType(cel, variable().program))
    }
    this.conditions = matchConditions.map(({ expression }) => this.expression(expression, { returns: EXPRESSION_RETURNS.bool }))
  }

  expression(text: string, purpose: Purpose): Lazily {
    return lazily(this.cel, () => this.#environmentFor(purpose), text, purpose.returns)
  }

  #environmentFor({ mutation = false, authorizer = true }: Purpose): Environment {
    const key = `${mutation} ${authorizer}`
    let environment = this.#environments.get(key)
    if (environment === undefined) {
      environment = admissionEnvironment(this.cel, { params: this.#params, variables: this.#types, mutation, authorizer })
      this.#environments.set(key, environment)
    }
    return environment
  }
}
