import { Failure } from '../values/failure.ts'
import type { Value } from '../values/value.ts'
import type { Validator } from './validation.ts'

/** Functions whose first argument is tried at once where it is a literal: a rule with a pattern that does not parse is refused when it is written. */
export type LiteralChecks = Readonly<Record<string, (literal: Value) => unknown>>

/** Objects to each literal that its function fails on. */
export const literalValidator = (checks: LiteralChecks): Validator =>
  function* (node) {
    if (node.kind !== 'call' || !Object.hasOwn(checks, node.name)) return
    const [argument] = node.args
    if (argument?.kind !== 'literal' || accepts(checks[node.name]!, argument.value)) return
    yield { at: argument, message: `invalid ${node.name} argument` }
  }

function accepts(check: (literal: Value) => unknown, value: Value): boolean {
  try {
    check(value)
    return true
  } catch (error) {
    if (error instanceof Failure) return false
    throw error
  }
}
