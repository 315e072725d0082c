import type { CelList } from '../values/list.ts'
import type { Value } from '../values/value.ts'
import { LIST_CREATE_COST, type RuntimeCost, STRING_TRAVERSAL_FACTOR } from './runtime.ts'

const COMPARABLE = ['int', 'uint', 'double', 'bool', 'google.protobuf.Duration', 'google.protobuf.Timestamp', 'string', 'bytes']

const sizeOfList = (value: Value | undefined): number => (value as CelList).size

/** A call that makes a list: the call, the list, and `factor` for each of `size`. */
const allocating = (factor: number, size: number): number => Math.floor(size * factor) + 1 + LIST_CREATE_COST

/** Every element against every other, at worst. */
function selfCompare(values: CelList): number {
  const first = values.size === 0 ? undefined : values.at(0)
  const factor = 2 + (typeof first === 'string' || first instanceof Uint8Array ? STRING_TRAVERSAL_FACTOR : 0)
  return allocating(factor, values.size * values.size)
}

const ofFirst: RuntimeCost = { ofArguments: ([values]) => selfCompare(values as CelList) }
const ofKeys: RuntimeCost = { ofArguments: ([, keys]) => selfCompare(keys as CelList) }

/** Upstream's costs of its extended list library, version 3. */
export const listCosts: Readonly<Record<string, RuntimeCost>> = {
  list_slice: { ofResult: (_args, result) => allocating(1, sizeOfList(result)) },
  list_flatten: { ofArguments: ([values]) => allocating(1, sizeOfList(values)) },
  list_flatten_int: { ofArguments: ([values, depth]) => allocating(Number(depth), sizeOfList(values)) },
  lists_range: { ofArguments: ([count]) => allocating(1, Math.max(0, Number(count))) },
  list_reverse: { ofArguments: ([values]) => allocating(1, sizeOfList(values)) },
  list_distinct: ofFirst,
  ...Object.fromEntries(COMPARABLE.map((name) => [`list_${name}_sort`, ofFirst])),
  ...Object.fromEntries(COMPARABLE.map((name) => [`list_${name}_sortByAssociatedKeys`, ofKeys])),
}
