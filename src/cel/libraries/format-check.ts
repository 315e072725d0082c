import type { CheckedAst } from '../check/checked.ts'
import { overloadsAt, typeAt } from '../check/checked.ts'
import type { Objection, Validator } from '../check/validation.ts'
import type { Expression } from '../syntax/ast.ts'
import { type Type, typeValueName } from '../types/type.ts'
import { Failure, fail } from '../values/failure.ts'
import { type Clause, interpolate, unrecognized } from './format-string.ts'

type Kinds = ReadonlySet<Type['kind']>

const WHOLE: Kinds = new Set(['int', 'uint'])
// Texts, because of `NaN` and `Infinity`.
const FRACTIONAL: Kinds = new Set(['double', 'string'])
const SHOWABLE: Kinds = new Set([
  ...(['list', 'map', 'int', 'uint', 'double', 'bool', 'string', 'timestamp', 'bytes', 'duration', 'type', 'null'] as const),
])

/** What each clause can be given, and what is said of anything else. */
const CLAUSES: Readonly<Record<string, { readonly kinds: Kinds; readonly rule: string }>> = {
  s: {
    kinds: SHOWABLE,
    rule: 'string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps',
  },
  d: { kinds: WHOLE, rule: 'decimal clause can only be used on integers' },
  f: { kinds: FRACTIONAL, rule: 'fixed-point clause can only be used on doubles' },
  e: { kinds: FRACTIONAL, rule: 'scientific clause can only be used on doubles' },
  b: { kinds: new Set(['int', 'uint', 'bool']), rule: 'only integers and bools can be formatted as binary' },
  o: { kinds: WHOLE, rule: 'octal clause can only be used on integers' },
}
const HEXADECIMAL = {
  kinds: new Set(['int', 'uint', 'string', 'bytes']) as Kinds,
  rule: 'only integers, byte buffers, and strings can be formatted as hex',
}

/** Holds a format that is a literal against a list literal of arguments, by their types (cel-go, ext/formatting.go). */
export const formatValidator: Validator = function* (node, checked) {
  if (node.kind !== 'call' || node.name !== 'format' || !overloadsAt(checked, node.id).includes('string_format')) return
  const { target, args } = node
  const [list] = args
  if (target?.kind !== 'literal' || typeof target.value !== 'string' || list?.kind !== 'list') return
  const problem = problemOf(target.value, list.elements, checked)
  if (problem !== undefined) yield { at: problem.at ?? node, message: problem.message }
}

function problemOf(
  format: string,
  args: readonly Expression[],
  checked: CheckedAst,
): { message: string; at?: Objection['at'] } | undefined {
  let wrong: Expression | undefined
  let used = 0
  const look = (clause: Clause, index: number): string => {
    used++
    wrong = misfit(clause, args[index]!, checked)
    const { rule } = ruleOf(clause)
    if (wrong !== undefined) fail(`error during formatting: ${rule}, was given ${typeValueName(typeAt(checked, wrong.id))}`)
    return ''
  }
  try {
    interpolate(format, args.length, look, false)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return { message: error.message, ...(wrong !== undefined && { at: wrong }) }
  }
  if (args.length === used) return undefined
  return { message: `too many arguments supplied to string.format (expected ${used}, got ${args.length})` }
}

function ruleOf({ letter }: Clause): { readonly kinds: Kinds; readonly rule: string } {
  if (letter === 'x' || letter === 'X') return HEXADECIMAL
  return Object.hasOwn(CLAUSES, letter) ? CLAUSES[letter]! : unrecognized(letter)
}

/** The argument, or what stands inside of it, that a clause can not show. */
function misfit(clause: Clause, argument: Expression, checked: CheckedAst): Expression | undefined {
  const { kinds } = ruleOf(clause)
  const { kind } = typeAt(checked, argument.id)
  if (kind !== 'dyn' && !kinds.has(kind)) return argument
  if (kinds !== SHOWABLE) return undefined
  const inside =
    argument.kind === 'list'
      ? argument.elements
      : argument.kind === 'map'
        ? argument.entries.flatMap(({ key, value }) => [key, value])
        : []
  for (const each of inside) {
    const found = misfit(clause, each, checked)
    if (found !== undefined) return found
  }
  return undefined
}
