import type { RuntimeCost } from '../cost/runtime.ts'
import { declare } from '../types/declarations.ts'
import { bool, list, parameter } from '../types/type.ts'
import { equal } from '../values/equality.ts'
import type { CelList } from '../values/list.ts'
import { sizeOf } from '../values/size.ts'
import type { Value } from '../values/value.ts'
import type { Library } from './library.ts'

const T = parameter('T')
const lists = [list(T), list(T)]

const has = (values: CelList, wanted: Value): boolean => {
  for (let index = 0; index < values.size; index++) if (equal(values.at(index), wanted)) return true
  return false
}

function contains(values: Value, wanted: Value): boolean {
  const all = wanted as CelList
  for (let index = 0; index < all.size; index++) if (!has(values as CelList, all.at(index))) return false
  return true
}

function intersects(values: Value, others: Value): boolean {
  const all = others as CelList
  for (let index = 0; index < all.size; index++) if (has(values as CelList, all.at(index))) return true
  return false
}

const product = (factor: number): RuntimeCost => ({
  ofArguments: ([a, b]) => sizeOf(a!) * sizeOf(b!) * factor + 1,
})

/** https://github.com/google/cel-go/blob/master/ext/README.md#sets */
export const setsLibrary: Library = {
  name: 'cel.lib.ext.sets',
  functions: [
    declare('sets.contains', { functions: [['list_sets_contains_list', lists, bool, contains]] }),
    declare('sets.equivalent', {
      functions: [['list_sets_equivalent_list', lists, bool, (a, b) => contains(a, b) && contains(b, a)]],
    }),
    declare('sets.intersects', { functions: [['list_sets_intersects_list', lists, bool, intersects]] }),
  ],
  costs: {
    list_sets_contains_list: product(1),
    list_sets_intersects_list: product(1),
    list_sets_equivalent_list: product(2),
  },
}
