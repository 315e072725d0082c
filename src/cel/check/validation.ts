import type { Expression } from '../syntax/ast.ts'
import { CompileError, type Issue, type Source } from '../syntax/source.ts'
import type { CheckedAst } from './checked.ts'

/** Something wrong with a node whose type is fine; `at` is where it is shown. */
export interface Objection {
  readonly at: { readonly offset: number }
  readonly message: string
}

/** Looks at one node of a checked expression. `inFormat` says whether it is part of a call of `format`, whose arguments may be of any types. */
export type Validator = (node: Expression, checked: CheckedAst, inFormat: boolean) => Iterable<Objection>

/** Shows every node of an expression to the validators. Throws {@link CompileError} with all that they object to. */
export function validate(checked: CheckedAst, source: Source, validators: readonly Validator[]): void {
  if (validators.length === 0) return
  const issues: Issue[] = []
  const seen = new Set<Expression>()
  const visit = (node: Expression, inFormat: boolean): void => {
    if (seen.has(node)) return
    seen.add(node)
    for (const validator of validators)
      for (const { at, message } of validator(node, checked, inFormat)) issues.push(source.issue(at.offset, message))
    const below = inFormat || (node.kind === 'call' && node.name === 'format')
    for (const child of childrenOf(node)) visit(child, below)
  }
  visit(checked.root, false)
  if (issues.length > 0) throw new CompileError(source, issues)
}

function childrenOf(node: Expression): readonly Expression[] {
  switch (node.kind) {
    case 'literal':
    case 'identifier':
      return []
    case 'select':
      return [node.operand]
    case 'call':
      return node.target === undefined ? node.args : [node.target, ...node.args]
    case 'list':
      return node.elements
    case 'map':
      return node.entries.flatMap(({ key, value }) => [key, value])
    case 'struct':
      return node.fields.map(({ value }) => value)
    case 'comprehension':
      return [node.range, node.initial, node.condition, node.step, node.result]
  }
}
