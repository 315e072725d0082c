import type { Ast } from '../syntax/ast.ts'
import { dyn, type Type } from '../types/type.ts'
import type { Value } from '../values/value.ts'

/** What the name at a node refers to. */
export type Reference =
  /** A variable of the environment or of a comprehension, by its full name; `constant` where the value is known already. */
  | { readonly kind: 'name'; readonly name: string; readonly constant: Value | undefined }
  /** A function by its full name and the overloads that may apply. */
  | { readonly kind: 'function'; readonly name: string; readonly overloads: readonly string[] }

/** An expression with what the checker found, by node id. */
export interface CheckedAst extends Ast {
  readonly types: readonly (Type | undefined)[]
  readonly references: readonly (Reference | undefined)[]
}

/** The type of the whole expression. */
export const typeOfRoot = (checked: CheckedAst): Type => typeAt(checked, checked.root.id)
export const typeAt = (checked: CheckedAst, id: number): Type => checked.types[id] ?? dyn
export const overloadsAt = (checked: CheckedAst, id: number): readonly string[] => {
  const reference = checked.references[id]
  return reference?.kind === 'function' ? reference.overloads : []
}
