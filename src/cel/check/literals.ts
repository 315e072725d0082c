import type { Call, Expression } from '../syntax/ast.ts'
import { CompileError, type Issue, type Source } from '../syntax/source.ts'
import { Failure } from '../values/failure.ts'
import type { CheckedAst } from './checked.ts'

/** Functions whose literal argument is tried at once: a rule with a pattern that does not parse is refused when it is written. */
export type LiteralChecks = Readonly<Record<string, (text: string) => unknown>>

/** Throws {@link CompileError} for each literal that its function cannot take. */
export function checkLiterals(checked: CheckedAst, source: Source, checks: LiteralChecks): void {
  const issues: Issue[] = []
  const seen = new Set<Expression>()
  const pending: Expression[] = [checked.root]
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue
    seen.add(node)
    pending.push(...childrenOf(node))
    if (node.kind !== 'call' || !Object.hasOwn(checks, node.name) || accepts(node, checks[node.name]!)) continue
    issues.push(source.issue(node.args[0]!.offset, `invalid ${node.name} argument`))
  }
  if (issues.length > 0) throw new CompileError(source, issues)
}

function accepts({ args: [argument] }: Call, check: (text: string) => unknown): boolean {
  if (argument?.kind !== 'literal' || typeof argument.value !== 'string') return true
  try {
    check(argument.value)
    return true
  } catch (error) {
    if (error instanceof Failure) return false
    throw error
  }
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
