import type { Expression } from '../syntax/ast.ts'
import { sameType, type Type } from '../types/type.ts'
import { isInt } from '../values/number.ts'
import { CHECK_COST, SELECTOR_TERM_COST } from './kubernetes.ts'
import { fixedRange, multiply, ONE, plus, type Range, scale, UNKNOWN } from './range.ts'
import { LIST_CREATE_COST, REGEX_LENGTH_FACTOR, STRING_TRAVERSAL_FACTOR } from './runtime.ts'

/** An operand of a call, as far as estimates know it. */
export interface Operand {
  readonly expression: Expression | undefined
  readonly type: Type
  readonly size: Range
  /** The size of the elements, where the operand is a list. */
  element(): Operand | undefined
}

export interface CallShape {
  readonly overload: string
  /** The receiver of a method. */
  readonly target: Operand | undefined
  readonly args: readonly Operand[]
}

/** The cost of a call without that of its operands, and the size of its result where it is a text or collection. */
export interface CallEstimate {
  readonly cost: Range
  readonly size?: Range
}

export type EstimateCall = (call: CallShape) => CallEstimate | undefined

const traversal = (size: Range, factor = 1): Range => scale(size, STRING_TRAVERSAL_FACTOR * factor)
const fixed =
  (cost: number): EstimateCall =>
  () => ({ cost: fixedRange(cost) })

const NOMINAL =
  'serviceAccount path group resource subresource namespace name allowed reason error errored masked prefixLength family isUnspecified isLoopback isLinkLocalMulticast isLinkLocalUnicast sign asInteger isInteger asApproximateFloat isGreaterThan isLessThan compareTo add sub'

/** One for each element, and a reading of each where the elements are texts; on a text, a reading of it. */
const elements: EstimateCall = ({ target }) => {
  if (target === undefined) return undefined
  const element = target.element()
  if (element === undefined) return { cost: traversal(target.size) }
  const isText = element.type.kind === 'string' || element.type.kind === 'bytes'
  return { cost: multiply(target.size, isText ? plus(ONE, traversal(element.size)) : ONE) }
}

const ofArgument =
  (factor: number): EstimateCall =>
  ({ args: [text] }) =>
    text && { cost: traversal(text.size, factor) }

/** Parsing a selector: the text, the list of its terms, a term for every two characters. */
const selector: EstimateCall = ({ args: [text] }) =>
  text && {
    cost: plus(plus(traversal(text.size), fixedRange(LIST_CREATE_COST)), scale(scale(text.size, 0.5), SELECTOR_TERM_COST)),
  }

/** Which format it is shows only at run time. */
const validate: EstimateCall = ({ target, args: [text] }) =>
  target && text && { cost: scale(traversal(text.size), FORMAT_REGEX_MAX * REGEX_LENGTH_FACTOR) }

const sameSize: EstimateCall = ({ target }) => target && { cost: traversal(target.size), size: target.size }

/** How long the result may become: every shortest match replaced by the longest text, and the reverse. */
const replace: EstimateCall = ({ target, args: [old, by] }) => {
  if (target === undefined || old === undefined || by === undefined) return undefined
  const { size } = target
  const longest =
    old.size.min === 0
      ? (size.max + 1) * by.size.max + size.max
      : by.size.max <= old.size.min
        ? size.max
        : Math.ceil(size.max / old.size.min) * by.size.max
  const shortest =
    old.size.max === 0
      ? (size.min + 1) * by.size.min + size.min
      : old.size.max <= by.size.min
        ? size.min
        : Math.ceil(size.min / old.size.max) * by.size.min
  return { cost: traversal(size, 2), size: { min: shortest || 0, max: Number.isNaN(longest) ? 0 : longest } }
}

const split: EstimateCall = ({ target, args: [, limit] }) => {
  if (target === undefined) return undefined
  const most =
    limit?.expression?.kind === 'literal' && typeof limit.expression.value === 'number' ? limit.expression.value : target.size.max
  return { cost: traversal(target.size, 2), size: { min: 0, max: most < 0 ? Number.POSITIVE_INFINITY : most } }
}

const join: EstimateCall = ({ target, args: [separator] }) => {
  if (target === undefined) return undefined
  const element = target.element()
  let size = element === undefined ? fixedRange(0) : multiply(target.size, element.size)
  if (separator !== undefined) {
    const gaps = { min: Math.max(0, target.size.min - 1), max: Math.max(0, target.size.max - 1) }
    size = plus(size, multiply(separator.size, gaps))
  }
  return { cost: traversal(size), size }
}

const match = (text: Range, pattern: Range): Range => multiply(traversal(plus(text, ONE)), scale(pattern, REGEX_LENGTH_FACTOR))

const find: EstimateCall = ({ target, args: [pattern] }) =>
  target && pattern && { cost: match(target.size, pattern.size), size: { min: 0, max: target.size.max } }

/** The longest pattern and name of a format. */
const FORMAT_REGEX_MAX = 128
const FORMAT_NAME_MAX = 64

/** The bytes of any network or address. */
const ADDRESS: Range = { min: 4, max: 16 }

const contains =
  (isNetwork: boolean): EstimateCall =>
  ({ overload, target, args: [other] }) => {
    if (target === undefined || other === undefined) return undefined
    const compared = traversal(plus(ADDRESS, ADDRESS))
    const masked = isNetwork ? plus(compared, plus(traversal(ADDRESS), ONE)) : compared
    return { cost: overload.endsWith('_string') ? plus(masked, traversal(other.size)) : masked }
  }

/** Upstream's estimates of the Kubernetes libraries, by function. */
export const kubernetesEstimates: Readonly<Record<string, EstimateCall>> = {
  check: fixed(CHECK_COST),
  ...Object.fromEntries(NOMINAL.split(' ').map((name) => [name, fixed(1)])),
  ...Object.fromEntries(['isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf'].map((name) => [name, elements])),
  ...Object.fromEntries(['lowerAscii', 'upperAscii', 'substring', 'trim'].map((name) => [name, sameSize])),
  ...Object.fromEntries(
    ['cidr', 'isIP', 'isCIDR', 'quantity', 'isQuantity', 'semver', 'isSemver', 'jsonpatch.escapeKey'].map((name) => [
      name,
      ofArgument(1),
    ]),
  ),
  url: ({ args: [text] }) => text && { cost: traversal(text.size), size: text.size },
  fieldSelector: selector,
  labelSelector: selector,
  validate,
  ip: (call) => (call.overload === 'cidr_ip' ? { cost: ONE } : ofArgument(1)(call)),
  'ip.isCanonical': ofArgument(2),
  replace,
  split,
  join,
  find,
  findAll: find,
  containsIP: contains(false),
  containsCIDR: contains(true),
}

const allocating = (factor: number, size: Range): CallEstimate => ({
  cost: plus(scale(size, factor), fixedRange(1 + LIST_CREATE_COST)),
  size,
})

const literalInt = (operand: Operand | undefined, otherwise: number): number =>
  operand?.expression?.kind === 'literal' && isInt(operand.expression.value)
    ? Math.max(0, Number(operand.expression.value))
    : otherwise

const selfCompare = (keys: Operand | undefined, overload: string): CallEstimate | undefined => {
  if (keys === undefined) return undefined
  const factor = 2 + (/^list_(?:string|bytes)_/.test(overload) ? STRING_TRAVERSAL_FACTOR : 0)
  return allocating(factor, multiply(keys.size, keys.size))
}

const setsEstimate =
  (factor: number): EstimateCall =>
  ({ args: [a, b] }) =>
    a && b && { cost: plus(scale(multiply(a.size, b.size), factor), ONE) }

/** Upstream's estimates of its own extended libraries, by overload. */
export const extensionEstimates = (call: CallShape): CallEstimate | undefined => {
  const { overload, target, args } = call
  if (/^list_.+_sort$/.test(overload)) return selfCompare(target, overload)
  if (/^list_.+_sortByAssociatedKeys$/.test(overload)) return selfCompare(args[0], overload)
  switch (overload) {
    case 'list_slice': {
      const size = literalInt(args[1], target?.size.max ?? 0) - literalInt(args[0], 0)
      // Upstream counts without a sign: less than none is more than anything.
      return allocating(1, fixedRange(size < 0 ? Number.POSITIVE_INFINITY : size))
    }
    case 'list_flatten':
    case 'list_flatten_int':
      return target && allocating(args.length === 0 ? 1 : literalInt(args[0], Number.POSITIVE_INFINITY), target.size)
    case 'lists_range':
      return allocating(1, fixedRange(literalInt(args[0], Number.POSITIVE_INFINITY)))
    case 'list_reverse':
      return target && allocating(1, target.size)
    case 'list_distinct':
      return target && allocating(2, multiply(target.size, target.size))
    case 'list_sets_contains_list':
    case 'list_sets_intersects_list':
      return setsEstimate(1)(call)
    case 'list_sets_equivalent_list':
      return setsEstimate(2)(call)
    default:
      return undefined
  }
}

/** Equality of the libraries' own types; URLs go by their texts. */
function opaqueComparison(name: string): Range | undefined {
  if (name === 'kubernetes.NamedFormat') return { min: 1, max: Math.ceil(FORMAT_NAME_MAX * STRING_TRAVERSAL_FACTOR) }
  return name.startsWith('net.') || name === 'kubernetes.Quantity' || name === 'kubernetes.Semver' ? ONE : undefined
}

const COMPARISON = /^(?:equals|not_equals|(?:less|greater)(?:_equals)?_(?:string|bytes))$/

/** Upstream's estimates of the standard library, by overload; what is not here costs 1. */
export const standardEstimates = ({ overload, target, args }: CallShape): CallEstimate | undefined => {
  const [first, second] = args
  if (COMPARISON.test(overload) && first && second) {
    // Whether two are not equal has no price of its own, and no bound.
    const isOfOneKind = overload === 'equals' && sameType(first.type, second.type)
    const opaqueCost = isOfOneKind && first.type.kind === 'opaque' ? opaqueComparison(first.type.name) : undefined
    if (opaqueCost !== undefined) return { cost: opaqueCost }
    // Of two URLs upstream looks at the second twice.
    if (isOfOneKind && first.type.kind === 'opaque' && first.type.name === 'kubernetes.URL')
      return { cost: traversal({ min: 1, max: second.size.max }) }
    const most = Math.min(first.size.max, second.size.max)
    return { cost: traversal({ min: most > 0 ? 1 : 0, max: most }) }
  }
  switch (overload) {
    case 'string_to_bytes':
      return first && { cost: traversal(first.size), size: { min: first.size.min, max: first.size.max * 4 } }
    case 'bytes_to_string':
      return first && { cost: traversal(first.size), size: { min: Math.floor(first.size.min / 4), max: first.size.max } }
    case 'strings_quote':
      return first && { cost: traversal(first.size), size: { min: first.size.min + 2, max: first.size.max * 2 + 2 } }
    case 'string_format':
      return target && first && { cost: traversal(target.size), size: UNKNOWN }
    case 'starts_with_string':
    case 'ends_with_string':
      return first && { cost: traversal(first.size) }
    case 'in_list':
      return second && { cost: second.size }
    case 'matches_string':
      return target && first && { cost: match(target.size, first.size) }
    case 'contains_string':
      return target && first && { cost: multiply(traversal(target.size), traversal(first.size)) }
    case 'add_list':
      return first && second && { cost: ONE, size: plus(first.size, second.size) }
    case 'add_string':
    case 'add_bytes': {
      const size = first && second && plus(first.size, second.size)
      return size && { cost: traversal(size), size }
    }
    default:
      return undefined
  }
}
