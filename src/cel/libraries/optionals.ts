import { optionalMacros } from '../syntax/extension-macros.ts'
import { declare } from '../types/declarations.ts'
import * as types from '../types/type.ts'
import { CelDuration } from '../values/duration.ts'
import { ArrayList, CelList } from '../values/list.ts'
import { CelMap } from '../values/map.ts'
import { Double, Uint } from '../values/number.ts'
import { Optional } from '../values/optional.ts'
import { Timestamp } from '../values/timestamp.ts'
import type { Value } from '../values/value.ts'
import type { Library } from './library.ts'
import { crossTypeComparisons, optionalIndexFunctions } from './operators.ts'

const { bool, list } = types
const A = types.parameter('A')
const optionalA = types.optional(A)

/** What `optional.ofNonZeroValue` leaves out: false, zero, null and everything empty. */
function isZero(value: Value): boolean {
  if (typeof value !== 'object') return value === false || value === 0 || value === ''
  if (value === null) return true
  if (value instanceof Double || value instanceof Uint) return value.value === 0
  if (value instanceof CelList || value instanceof CelMap) return value.size === 0
  if (value instanceof Uint8Array) return value.length === 0
  if (value instanceof CelDuration) return value.nanos === 0n
  return value instanceof Timestamp && value.isZero
}

const present = (values: Value): Value =>
  new ArrayList(
    (values as CelList).toArray().flatMap((each) => ((each as Optional).held === undefined ? [] : [(each as Optional).value])),
  )

const functions = [
  ...optionalIndexFunctions,
  declare('optional.of', { functions: [['optional_of', [A], optionalA, (value) => Optional.of(value)]] }),
  declare('optional.none', { functions: [['optional_none', [], optionalA, () => Optional.none]] }),
  declare('optional.ofNonZeroValue', {
    functions: [['optional_ofNonZeroValue', [A], optionalA, (value) => (isZero(value) ? Optional.none : Optional.of(value))]],
  }),
  declare('optional.unwrap', { functions: [['optional_unwrap', [list(optionalA)], list(A), present]] }),
  declare('unwrapOpt', { members: [['optional_unwrapOpt', [list(optionalA)], list(A), present]] }),
  declare('value', { members: [['optional_value', [optionalA], A, (optional) => (optional as Optional).value]] }),
  declare('hasValue', {
    members: [['optional_hasValue', [optionalA], bool, (optional) => (optional as Optional).held !== undefined]],
  }),
  declare('or', {
    members: [
      ['optional_or_optional', [optionalA, optionalA], optionalA, (a, b) => ((a as Optional).held === undefined ? b : a)],
    ],
  }),
  declare('orValue', {
    members: [
      [
        'optional_orValue_value',
        [optionalA, A],
        A,
        (optional, other) => ((optional as Optional).held === undefined ? other : (optional as Optional).value),
      ],
    ],
  }),
  declare('first', { members: [['list_first', [list(A)], optionalA, (values) => element(values as CelList, 0)]] }),
  declare('last', {
    members: [['list_last', [list(A)], optionalA, (values) => element(values as CelList, (values as CelList).size - 1)]],
  }),
]

const element = (values: CelList, index: number): Optional => (values.size === 0 ? Optional.none : Optional.of(values.at(index)))

/** https://github.com/google/cel-spec/wiki/proposal-246 */
export const optionalsLibrary: Library = {
  name: 'optional',
  functions,
  macros: optionalMacros,
  types: { optional_type: types.opaque('optional_type') },
  optionalSyntax: true,
}

/** Order between numbers of different types, which the language definition leaves out of the checked language. */
export const crossTypeLibrary: Library = { name: 'cel.lib.crossTypeNumericComparisons', functions: crossTypeComparisons }
