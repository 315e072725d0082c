import { standardCosts } from '../cost/runtime.ts'
import { standardMacros } from '../syntax/macros.ts'
import { declare, type FunctionDeclaration } from '../types/declarations.ts'
import * as types from '../types/type.ts'
import { sizeOf } from '../values/size.ts'
import type { Value } from '../values/value.ts'
import { conversionFunctions } from './conversions.ts'
import type { Library } from './library.ts'
import { indexFunction, operatorFunctions } from './operators.ts'
import { regex } from './regex.ts'
import { timeFunctions } from './times.ts'

const { bool, bytes, int, list, map, string } = types
const A = types.parameter('A')
const B = types.parameter('B')

const matches = (text: Value, pattern: Value): boolean =>
  regex(pattern as string)
    .matcher(text as string)
    .find()

const functions: readonly FunctionDeclaration[] = [
  ...operatorFunctions,
  indexFunction,
  ...conversionFunctions,
  ...timeFunctions,
  declare('size', {
    functions: [
      ['size_bytes', [bytes], int, sizeOf],
      ['size_list', [list(A)], int, sizeOf],
      ['size_map', [map(A, B)], int, sizeOf],
      ['size_string', [string], int, sizeOf],
    ],
    members: [
      ['bytes_size', [bytes], int, sizeOf],
      ['list_size', [list(A)], int, sizeOf],
      ['map_size', [map(A, B)], int, sizeOf],
      ['string_size', [string], int, sizeOf],
    ],
  }),
  declare('contains', {
    members: [['contains_string', [string, string], bool, (text, part) => (text as string).includes(part as string)]],
  }),
  declare('startsWith', {
    members: [['starts_with_string', [string, string], bool, (text, part) => (text as string).startsWith(part as string)]],
  }),
  declare('endsWith', {
    members: [['ends_with_string', [string, string], bool, (text, part) => (text as string).endsWith(part as string)]],
  }),
  declare('matches', {
    functions: [['matches', [string, string], bool, matches]],
    members: [['matches_string', [string, string], bool, matches]],
  }),
]

/** The language definition's own functions, macros and types. */
export const standardLibrary: Library = {
  name: 'cel.lib.std',
  functions,
  macros: standardMacros,
  costs: standardCosts,
  types: {
    bool,
    bytes,
    double: types.double,
    'google.protobuf.Duration': types.duration,
    'google.protobuf.Timestamp': types.timestamp,
    int,
    list: list(types.dyn),
    map: map(types.dyn, types.dyn),
    null_type: types.nullType,
    string,
    type: types.typeOf(),
    uint: types.uint,
  },
}
