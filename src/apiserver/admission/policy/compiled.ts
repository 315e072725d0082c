import { admissionEnvironment, type MatchCondition, type Variable } from '#api'
import type { Environment, Program, Type } from '#cel'
import type { Cel } from '../expression/cel.ts'

/** What validating and mutating policies share. */
export interface PolicySpec {
  readonly variables?: readonly Variable[]
  readonly matchConditions?: readonly MatchCondition[]
  readonly paramKind?: { readonly apiVersion?: string; readonly kind?: string }
}

/** A policy's expressions, each compiled when it is first needed. */
export class CompiledPolicy {
  readonly cel: Cel
  readonly variables = new Map<string, () => Program>()
  readonly conditions: readonly (() => Program)[]
  readonly #environment: Environment

  constructor(cel: Cel, { variables = [], matchConditions = [], paramKind }: PolicySpec, mutation: boolean) {
    this.cel = cel
    const params = paramKind !== undefined
    const before = new Map<string, Type>()
    for (const { name, expression } of variables) {
      const environment = admissionEnvironment(cel, { params, variables: new Map(before), mutation })
      const program = lazily(() => environment.compile(expression))
      this.variables.set(name, program)
      before.set(name, typeOf(cel, program))
    }
    this.#environment = admissionEnvironment(cel, { params, variables: before, mutation })
    // Conditions are asked before variables exist.
    const outer = admissionEnvironment(cel, { params })
    this.conditions = matchConditions.map(({ expression }) => lazily(() => outer.compile(expression)))
  }

  readonly #programs = new Map<string, Program>()

  program(expression: string): Program {
    let program = this.#programs.get(expression)
    if (program === undefined) this.#programs.set(expression, (program = this.#environment.compile(expression)))
    return program
  }
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

/** A variable that does not compile is of any type; its own error is the one to tell. */
function typeOf(cel: Cel, program: () => Program): Type {
  try {
    return program().type
  } catch {
    return cel.types.dyn
  }
}
