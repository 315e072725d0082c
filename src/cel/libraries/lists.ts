import { add } from '../evaluate/operators.ts'
import { declare, type FunctionDeclaration } from '../types/declarations.ts'
import type { Type } from '../types/type.ts'
import * as types from '../types/type.ts'
import { CelDuration } from '../values/duration.ts'
import { compare, equal } from '../values/equality.ts'
import { fail, noSuchOverload } from '../values/failure.ts'
import type { CelList } from '../values/list.ts'
import { Double, Uint } from '../values/number.ts'
import type { Value } from '../values/value.ts'
import type { Library } from './library.ts'

const { bool, int, list } = types
const A = types.parameter('A')

const SUMMABLE: readonly (readonly [name: string, type: Type, zero: () => Value])[] = [
  ['int', int, () => 0],
  ['uint', types.uint, () => Uint.of(0)],
  ['double', types.double, () => new Double(0)],
  ['duration', types.duration, () => CelDuration.of(0n)],
]

const COMPARABLE: readonly (readonly [name: string, type: Type])[] = [
  ...SUMMABLE.map(([name, type]) => [name, type] as const),
  ['bool', bool],
  ['timestamp', types.timestamp],
  ['string', types.string],
  ['bytes', types.bytes],
]

/** A function of lists of each comparable type. */
const forComparable = (
  name: string,
  id: (type: string) => string,
  result: (type: Type) => Type,
  invoke: (values: CelList) => Value,
): FunctionDeclaration =>
  declare(name, {
    members: COMPARABLE.map(([typeName, type]) => [
      id(typeName),
      [list(type)],
      result(type),
      (values) => invoke(values as CelList),
    ]),
  })

function order(a: Value, b: Value): number {
  const result = compare(a, b)
  return result === null ? noSuchOverload() : (result ?? 0)
}

function isSorted(values: CelList): boolean {
  for (let at = 1; at < values.size; at++) if (order(values.at(at - 1), values.at(at)) > 0) return false
  return true
}

function extreme(name: string, isBetter: (order: number) => boolean): (values: CelList) => Value {
  return (values) => {
    if (values.size === 0) return fail(`${name} called on empty list`)
    let best = values.at(0)
    for (let at = 1; at < values.size; at++) if (isBetter(order(values.at(at), best))) best = values.at(at)
    return best
  }
}

function indexOf(values: Value, wanted: Value): number {
  const all = values as CelList
  for (let at = 0; at < all.size; at++) if (equal(all.at(at), wanted)) return at
  return -1
}

function lastIndexOf(values: Value, wanted: Value): number {
  const all = values as CelList
  for (let at = all.size - 1; at >= 0; at--) if (equal(all.at(at), wanted)) return at
  return -1
}

function sum(values: CelList, zero: Value): Value {
  let total = zero
  for (let at = 0; at < values.size; at++) total = add(total, values.at(at))
  return total
}

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-list-library */
export const listsLibrary: Library = {
  name: 'kubernetes.lists',
  functions: [
    forComparable(
      'isSorted',
      (type) => `list_${type}_is_sorted_bool`,
      () => bool,
      isSorted,
    ),
    forComparable(
      'max',
      (type) => `list_${type}_max_${type}`,
      (type) => type,
      extreme('max', (order) => order > 0),
    ),
    forComparable(
      'min',
      (type) => `list_${type}_min_${type}`,
      (type) => type,
      extreme('min', (order) => order < 0),
    ),
    declare('sum', {
      members: SUMMABLE.map(([name, type, zero]) => [
        `list_${name}_sum_${name}`,
        [list(type)],
        type,
        (values) => sum(values as CelList, zero()),
      ]),
    }),
    declare('indexOf', { members: [['list_a_index_of_int', [list(A), A], int, indexOf]] }),
    declare('lastIndexOf', { members: [['list_a_last_index_of_int', [list(A), A], int, lastIndexOf]] }),
  ],
}
