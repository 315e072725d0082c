import type { Validator } from '../check/validation.ts'
import type { RuntimeCost } from '../cost/runtime.ts'
import type { Macro } from '../syntax/macros.ts'
import type { FunctionDeclaration } from '../types/declarations.ts'
import type { Type } from '../types/type.ts'

/** Functions, macros and types that an environment takes as one. */
export interface Library {
  readonly name: string
  readonly functions?: readonly FunctionDeclaration[]
  readonly macros?: readonly Macro[]
  /** Types by the name that expressions know them by. */
  readonly types?: Readonly<Record<string, Type>>
  /** Costs of overloads where they are not 1. */
  readonly costs?: Readonly<Record<string, RuntimeCost>>
  /** What it objects to in expressions that type-check. */
  readonly validator?: Validator
  /** Whether it brings the syntax of optionals. */
  readonly optionalSyntax?: boolean
  /** Whether it allows fields in backquotes. */
  readonly quotedFields?: boolean
}
