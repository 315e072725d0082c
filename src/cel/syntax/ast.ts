/** A constant as the evaluator holds it; the parser makes it once. */
import type { Value } from '../values/value.ts'

interface Node {
  /** Dense and unique within one expression; the checker's findings are kept by it. */
  readonly id: number
  /** Where upstream points for this node: the operator, the opening parenthesis of a call, the dot of a selection. */
  readonly offset: number
}

export interface Literal extends Node {
  readonly kind: 'literal'
  readonly value: Value
}

export interface Identifier extends Node {
  readonly kind: 'identifier'
  /** With a leading dot when the name is absolute. */
  readonly name: string
}

export interface Select extends Node {
  readonly kind: 'select'
  readonly operand: Expression
  readonly field: string
  /** From `has(a.b)`: whether the field is present. */
  readonly testOnly: boolean
}

export interface Call extends Node {
  readonly kind: 'call'
  readonly target: Expression | undefined
  readonly name: string
  readonly args: readonly Expression[]
}

export interface ListLiteral extends Node {
  readonly kind: 'list'
  readonly elements: readonly Expression[]
  /** Indices of `?element`: optional values that are left out when empty. */
  readonly optionalIndices: readonly number[]
}

export interface MapEntry {
  readonly id: number
  readonly offset: number
  readonly key: Expression
  readonly value: Expression
  readonly optional: boolean
}

export interface MapLiteral extends Node {
  readonly kind: 'map'
  readonly entries: readonly MapEntry[]
}

export interface StructField {
  readonly id: number
  readonly offset: number
  readonly name: string
  readonly value: Expression
  readonly optional: boolean
}

export interface StructLiteral extends Node {
  readonly kind: 'struct'
  readonly typeName: string
  readonly fields: readonly StructField[]
}

/**
 * What every macro over a range becomes: a fold.
 * `[1, 2].all(x, x > 0)` folds `accumulator && x > 0` from `true` while the accumulator is not strictly false.
 */
export interface Comprehension extends Node {
  readonly kind: 'comprehension'
  readonly variable: string
  readonly variable2: string | undefined
  readonly range: Expression
  readonly accumulator: string
  readonly initial: Expression
  readonly condition: Expression
  readonly step: Expression
  readonly result: Expression
}

export type Expression = Literal | Identifier | Select | Call | ListLiteral | MapLiteral | StructLiteral | Comprehension

/** A parsed expression. */
export interface Ast {
  readonly root: Expression
  /** One more than the largest id. */
  readonly size: number
}

/** The hidden accumulator of macros; no identifier of a user can spell it. */
export const ACCUMULATOR = '@result'

/** `a.b.c` for a chain of plain selections on an identifier, else undefined. */
export function qualifiedName(expression: Expression): string | undefined {
  if (expression.kind === 'identifier') return expression.name
  if (expression.kind !== 'select' || expression.testOnly) return undefined
  const operand = qualifiedName(expression.operand)
  return operand === undefined ? undefined : `${operand}.${expression.field}`
}
