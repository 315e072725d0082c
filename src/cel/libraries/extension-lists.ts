import { listCosts } from '../cost/extension-lists.ts'
import type { Expression } from '../syntax/ast.ts'
import { bindTo } from '../syntax/extension-macros.ts'
import { collect, type Macro, MacroError, variableName } from '../syntax/macros.ts'
import { declare } from '../types/declarations.ts'
import type { Type } from '../types/type.ts'
import * as types from '../types/type.ts'
import { compare, equal } from '../values/equality.ts'
import { fail } from '../values/failure.ts'
import { typeNameOf } from '../values/kind.ts'
import { ArrayList, CelList, LIST_SIZE_MAX } from '../values/list.ts'
import { CelMap, mapKey } from '../values/map.ts'
import { type Int, isInt } from '../values/number.ts'
import type { Value } from '../values/value.ts'
import { spend } from '../values/work.ts'
import type { Library } from './library.ts'

const { dyn, int, list } = types
const T = types.parameter('T')
const RANGE_MAX = 10_000_000

/** What can be ordered, by upstream's names of their types. */
export const COMPARABLE: readonly (readonly [name: string, type: Type])[] = [
  ['int', int],
  ['uint', types.uint],
  ['double', types.double],
  ['bool', types.bool],
  ['google.protobuf.Duration', types.duration],
  ['google.protobuf.Timestamp', types.timestamp],
  ['string', types.string],
  ['bytes', types.bytes],
]

function slice(values: CelList, start: Int, end: Int): ArrayList {
  const what = `cannot slice(${start}, ${end})`
  if (start < 0 || end < 0) return fail(`${what}, negative indexes not supported`)
  if (start > end) return fail(`${what}, start index must be less than or equal to end index`)
  if (values.size < end) return fail(`${what}, list is length ${values.size}`)
  return new ArrayList(values.toArray().slice(Number(start), Number(end)))
}

function flatten(values: Value, depth: Value | undefined): Value[] {
  if (!(values instanceof CelList) || !(depth === undefined || isInt(depth)))
    return fail(`no such overload: ${shownType(values)}.flatten(${depth === undefined ? '' : shownType(depth)})`)
  return flattened(values, depth ?? 1)
}

const shownType = (value: Value): string =>
  value instanceof CelList ? 'list(dyn)' : value instanceof CelMap ? 'map(dyn, dyn)' : typeNameOf(value)

function flattened(values: CelList, depth: Int): Value[] {
  if (depth < 0) return fail('level must be non-negative')
  const flat: Value[] = []
  collectFlat(values, Number(depth), flat)
  return flat
}

function collectFlat(values: CelList, depth: number, into: Value[]): void {
  spend(values.size)
  for (let at = 0; at < values.size; at++) {
    const value = values.at(at)
    if (value instanceof CelList && depth > 0) collectFlat(value, depth - 1, into)
    else if (into.length < LIST_SIZE_MAX) into.push(value)
    else fail('list too large')
  }
}

function distinct(values: CelList): ArrayList {
  const seen = new Set<unknown>()
  const others: Value[] = []
  return new ArrayList(
    values.toArray().filter((value) => {
      const key = mapKey(value)
      if (key === undefined) {
        if (others.some((other) => equal(other, value))) return false
        others.push(value)
        return true
      }
      if (seen.has(key)) return false
      seen.add(key)
      return true
    }),
  )
}

/** Orders `values` as `keys` are ordered. */
function sortBy(values: CelList, keys: CelList): CelList {
  if (values.size === 0) return values
  const ranks = keys.toArray()
  const kind = typeNameOf(ranks[0]!)
  if (!COMPARABLE.some(([name]) => name === kind)) return fail('list elements must be comparable')
  if (ranks.some((rank) => typeNameOf(rank) !== kind)) return fail('list elements must have the same type')
  const order = ranks.map((_rank, at) => at).sort((a, b) => compare(ranks[a]!, ranks[b]!) ?? 0)
  return new ArrayList(order.map((at) => values.at(at)))
}

function range(count: Int): ArrayList {
  if (count < 0) return new ArrayList([])
  if (count > RANGE_MAX) return fail(`lists.range: size ${count} exceeds maximum allowed (${RANGE_MAX})`)
  return new ArrayList(Array.from({ length: Number(count) }, (_, at) => at))
}

/** The variable that holds the list while its keys are computed; no expression of a user can name it. */
const SORTED = '@__sortBy_input__'

const UNSORTED: ReadonlySet<Expression['kind']> = new Set(['literal', 'map', 'struct'])
const SORTABLE = 'sortBy can only be applied to a list, identifier, comprehension, call or select expression'

/** `list.sortBy(x, key)`: the keys by a fold, then the order of them. */
const sortByMacro: Macro = {
  name: 'sortBy',
  args: 2,
  member: true,
  expand(make, target, [variable, key]): Expression {
    if (target === undefined || UNSORTED.has(target.kind)) throw new MacroError(SORTABLE, target?.offset)
    const name = variableName(variable)
    const keys = collect(make, make.identifier(SORTED), name, key!)
    const sorted = make.call('@sortByAssociatedKeys', [keys], make.identifier(SORTED))
    return bindTo(make, SORTED, target!, sorted)
  },
}

/** https://github.com/google/cel-go/blob/master/ext/README.md#lists, version 3. */
export const extensionListsLibrary: Library = {
  name: 'cel.lib.ext.lists',
  macros: [sortByMacro],
  costs: listCosts,
  functions: [
    declare('slice', {
      members: [
        ['list_slice', [list(T), int, int], list(T), (values, start, end) => slice(values as CelList, start as Int, end as Int)],
      ],
    }),
    declare('flatten', {
      members: [
        ['list_flatten', [list(list(T))], list(T), (values) => new ArrayList(flatten(values, undefined))],
        ['list_flatten_int', [list(dyn), int], list(dyn), (values, depth) => new ArrayList(flatten(values, depth))],
      ],
      unguarded: true,
    }),
    declare('sort', {
      members: COMPARABLE.map(([name, type]) => [
        `list_${name}_sort`,
        [list(type)],
        list(type),
        (values) => sortBy(values as CelList, values as CelList),
      ]),
    }),
    declare('@sortByAssociatedKeys', {
      members: COMPARABLE.map(([name, type]) => [
        `list_${name}_sortByAssociatedKeys`,
        [list(T), list(type)],
        list(T),
        (values, keys) => sortBy(values as CelList, keys as CelList),
      ]),
    }),
    declare('lists.range', { functions: [['lists_range', [int], list(int), (count) => range(count as Int)]] }),
    declare('reverse', {
      members: [['list_reverse', [list(T)], list(T), (values) => new ArrayList((values as CelList).toArray().reverse())]],
    }),
    declare('distinct', { members: [['list_distinct', [list(T)], list(T), (values) => distinct(values as CelList)]] }),
  ],
}
