import { at, find } from '../evaluate/access.ts'
import { binaryOperators, negate, not } from '../evaluate/operators.ts'
import { declare, type FunctionDeclaration } from '../types/declarations.ts'
import type { Type } from '../types/type.ts'
import * as types from '../types/type.ts'
import { noSuchOverload } from '../values/failure.ts'
import { Optional } from '../values/optional.ts'

const { bool, bytes, double, duration, int, list, map, string, timestamp, uint } = types
const A = types.parameter('A')
const B = types.parameter('B')

type Row = readonly [id: string, left: Type, right: Type, result: Type]

const binary = (name: string, rows: readonly Row[]): FunctionDeclaration =>
  declare(name, {
    functions: rows.map(
      ([id, left, right, result]) => [id, [left, right], result, binaryOperators[name] ?? noSuchOverload] as const,
    ),
  })

const SCALARS: readonly (readonly [string, Type])[] = [
  ['bool', bool],
  ['int64', int],
  ['uint64', uint],
  ['double', double],
  ['string', string],
  ['bytes', bytes],
  ['timestamp', timestamp],
  ['duration', duration],
]
const NUMBERS = SCALARS.slice(1, 4)

const COMPARISONS = [
  ['_<_', 'less'],
  ['_<=_', 'less_equals'],
  ['_>_', 'greater'],
  ['_>=_', 'greater_equals'],
] as const

/** Order between numbers of different types. */
export const crossTypeComparisons: readonly FunctionDeclaration[] = COMPARISONS.map(([name, prefix]) =>
  binary(
    name,
    NUMBERS.flatMap(([left, leftType]) =>
      NUMBERS.filter(([right]) => right !== left).map(
        ([right, rightType]): Row => [`${prefix}_${left}_${right}`, leftType, rightType, bool],
      ),
    ),
  ),
)

const arithmetic = (prefix: string, names: readonly string[]): Row[] =>
  NUMBERS.filter(([name]) => names.includes(name)).map(([name, type]) => [`${prefix}_${name}`, type, type, type])

/** The operators, as the checker sees them; the planner evaluates them itself. */
export const operatorFunctions: readonly FunctionDeclaration[] = [
  declare('_?_:_', { functions: [['conditional', [bool, A, A], A, noSuchOverload]] }),
  binary('_&&_', [['logical_and', bool, bool, bool]]),
  binary('_||_', [['logical_or', bool, bool, bool]]),
  declare('!_', { functions: [['logical_not', [bool], bool, not]] }),
  declare('@not_strictly_false', { functions: [['not_strictly_false', [bool], bool, noSuchOverload]] }),
  binary('_==_', [['equals', A, A, bool]]),
  binary('_!=_', [['not_equals', A, A, bool]]),
  binary('_+_', [
    ['add_bytes', bytes, bytes, bytes],
    ['add_double', double, double, double],
    ['add_duration_duration', duration, duration, duration],
    ['add_duration_timestamp', duration, timestamp, timestamp],
    ['add_timestamp_duration', timestamp, duration, timestamp],
    ['add_int64', int, int, int],
    ['add_list', list(A), list(A), list(A)],
    ['add_string', string, string, string],
    ['add_uint64', uint, uint, uint],
  ]),
  binary('_-_', [
    ['subtract_double', double, double, double],
    ['subtract_duration_duration', duration, duration, duration],
    ['subtract_int64', int, int, int],
    ['subtract_timestamp_duration', timestamp, duration, timestamp],
    ['subtract_timestamp_timestamp', timestamp, timestamp, duration],
    ['subtract_uint64', uint, uint, uint],
  ]),
  binary('_*_', arithmetic('multiply', ['double', 'int64', 'uint64'])),
  binary('_/_', arithmetic('divide', ['double', 'int64', 'uint64'])),
  binary('_%_', arithmetic('modulo', ['int64', 'uint64'])),
  declare('-_', {
    functions: [
      ['negate_double', [double], double, negate],
      ['negate_int64', [int], int, negate],
    ],
  }),
  ...COMPARISONS.map(([name, prefix]) =>
    binary(
      name,
      SCALARS.map(([id, type]): Row => [`${prefix}_${id}`, type, type, bool]),
    ),
  ),
  binary('@in', [
    ['in_list', A, list(A), bool],
    ['in_map', A, map(A, B), bool],
  ]),
]

const index: readonly (readonly [string, Type[], Type])[] = [
  ['index_list', [list(A), int], A],
  ['index_map', [map(A, B), A], B],
]

export const indexFunction = declare('_[_]', { functions: index.map(([id, args, result]) => [id, args, result, at]) })

/** What `[…]` becomes once there are optionals. */
export const optionalIndexFunctions: readonly FunctionDeclaration[] = [
  declare('_[_]', {
    functions: [
      ...indexFunction.overloads.map(({ id, parameters, result, invoke }) => [id, parameters, result, invoke] as const),
      ['optional_list_index_int', [types.optional(list(A)), int], types.optional(A), at],
      ['optional_map_index_value', [types.optional(map(A, B)), A], types.optional(B), at],
    ],
  }),
  declare('_[?_]', {
    functions: [
      ['list_optindex_optional_int', [list(A), int], types.optional(A), (value, key) => Optional.of(find(value, key))],
      [
        'optional_list_optindex_optional_int',
        [types.optional(list(A)), int],
        types.optional(A),
        (value, key) => Optional.of(find(value, key)),
      ],
      ['map_optindex_optional_value', [map(A, B), A], types.optional(B), (value, key) => Optional.of(find(value, key))],
      [
        'optional_map_optindex_optional_value',
        [types.optional(map(A, B)), A],
        types.optional(B),
        (value, key) => Optional.of(find(value, key)),
      ],
    ],
  }),
]
