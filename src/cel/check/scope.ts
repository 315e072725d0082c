import type { FunctionDeclaration, TypeProvider } from '../types/declarations.ts'
import type { Type } from '../types/type.ts'
import type { Value } from '../values/value.ts'

/** What an environment declares, as the checker and the planner see it. */
export interface Declarations {
  readonly container: string
  readonly functions: ReadonlyMap<string, FunctionDeclaration>
  /** The declared type of a variable, or undefined where there is none. */
  variable(name: string): Type | undefined
  /** Types by their names, and constants of the provider. */
  constant(name: string): { readonly type: Type; readonly value: Value } | undefined
  readonly provider: TypeProvider
}

/** Variables of comprehensions, the innermost first. */
export interface Scope {
  readonly outer: Scope | undefined
  readonly name: string
  readonly type: Type
}

export function inScope(scope: Scope | undefined, name: string): Type | undefined {
  for (let at = scope; at !== undefined; at = at.outer) if (at.name === name) return at.type
  return undefined
}
