import { CelList } from '../values/list.ts'
import { isInt } from '../values/number.ts'
import { sizeOf } from '../values/size.ts'
import type { Value } from '../values/value.ts'
import { LIST_CREATE_COST, type RuntimeCost, STRING_TRAVERSAL_FACTOR } from './runtime.ts'

const COMPARABLE = ['int', 'uint', 'double', 'bool', 'google.protobuf.Duration', 'google.protobuf.Timestamp', 'string', 'bytes']

/** A call that makes a list: the call, the list, and `factor` for each of `size`. */
const allocating = (factor: number, size: number): number => Math.floor(size * factor) + 1 + LIST_CREATE_COST

/** Every element against every other, at worst. */
function selfCompare(values: Value): number {
  const size = sizeOf(values)
  const first = values instanceof CelList && size > 0 ? values.at(0) : undefined
  const factor = 2 + (typeof first === 'string' || first instanceof Uint8Array ? STRING_TRAVERSAL_FACTOR : 0)
  return allocating(factor, size * size)
}

const ofFirst: RuntimeCost = { ofArguments: ([values]) => selfCompare(values!) }
const ofKeys: RuntimeCost = { ofArguments: ([, keys]) => selfCompare(keys!) }

/** Upstream's costs of its extended list library, version 3. */
export const listCosts: Readonly<Record<string, RuntimeCost>> = {
  list_slice: { ofResult: (_args, result) => allocating(1, sizeOf(result)) },
  list_flatten: { ofArguments: ([values]) => allocating(1, sizeOf(values!)) },
  list_flatten_int: { ofArguments: ([values, depth]) => allocating(isInt(depth) ? Number(depth) : 1, sizeOf(values!)) },
  lists_range: { ofArguments: ([count]) => allocating(1, isInt(count) ? Math.max(0, Number(count)) : 1) },
  list_reverse: { ofArguments: ([values]) => allocating(1, sizeOf(values!)) },
  list_distinct: ofFirst,
  ...Object.fromEntries(COMPARABLE.map((name) => [`list_${name}_sort`, ofFirst])),
  ...Object.fromEntries(COMPARABLE.map((name) => [`list_${name}_sortByAssociatedKeys`, ofKeys])),
}
