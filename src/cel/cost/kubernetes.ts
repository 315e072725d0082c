import { CelList } from '../values/list.ts'
import { CelMap } from '../values/map.ts'
import { sizeOf } from '../values/size.ts'
import { StructValue } from '../values/struct.ts'
import type { Value } from '../values/value.ts'
import { spend } from '../values/work.ts'
import { LIST_CREATE_COST, matchCost, type RuntimeCost, STRING_TRAVERSAL_FACTOR, traversal } from './runtime.ts'

/** An expression can afford two authorization checks. */
export const CHECK_COST = 350_000

/** A term of a selector. */
export const SELECTOR_TERM_COST = 50

const fixed = (cost: number): RuntimeCost => ({ ofArguments: () => cost })
const ofSize = (factor: number): RuntimeCost => ({ ofArguments: ([text]) => traversal(sizeOf(text!) * factor) })

/** What reading a value as a whole costs: one for each scalar in it, a tenth for each byte of text. */
function traversalCost(value: Value): number {
  if (typeof value === 'string') return Math.floor(Buffer.byteLength(value) * STRING_TRAVERSAL_FACTOR)
  if (value instanceof Uint8Array) return Math.floor(value.length * STRING_TRAVERSAL_FACTOR)
  let cost = 0
  if (value instanceof CelList) {
    spend(value.size)
    for (let at = 0; at < value.size; at++) cost += traversalCost(value.at(at))
    return cost
  }
  if (value instanceof CelMap) {
    spend(value.size)
    for (const key of value.keys()) cost += traversalCost(key) + traversalCost(value.get(key)!)
    return cost
  }
  if (!(value instanceof StructValue)) return 1
  spend(value.size)
  for (const name of value.names()) cost += traversalCost(name) + traversalCost(value.field(name)!)
  return cost
}

const ofTraversal: RuntimeCost = { ofArguments: ([values]) => traversalCost(values!) }

/** Comparing the network's bytes with as many of the address; then masking and the lengths; then reading the text of the other. */
const contains = (isNetwork: boolean, isText: boolean): RuntimeCost => ({
  ofArguments: ([cidr, other]) => {
    const size = sizeOf(cidr!)
    const compared = traversal(size + size) + (isNetwork ? traversal(size) + 1 : 0)
    return compared + (isText ? traversal(sizeOf(other!)) : 0)
  },
})

/** Parsing a selector: the text, the list of its terms, a term for every two characters. */
const selector: RuntimeCost = {
  ofArguments: ([, text]) => {
    const size = sizeOf(text!)
    return LIST_CREATE_COST + Math.ceil(size / 2) * SELECTOR_TERM_COST + traversal(size)
  },
}

const each = (names: readonly string[], cost: RuntimeCost): Record<string, RuntimeCost> =>
  Object.fromEntries(names.map((name) => [name, cost]))

/** Upstream's costs of the Kubernetes libraries and of the extended strings, by overload or else by function. */
export const kubernetesCosts: Readonly<Record<string, RuntimeCost>> = {
  check: fixed(CHECK_COST),
  ...each(['isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf'], ofTraversal),
  ...each(
    ['url', 'lowerAscii', 'upperAscii', 'substring', 'trim', 'cidr', 'isIP', 'isCIDR', 'quantity', 'isQuantity', 'ip'],
    ofSize(1),
  ),
  ...each(['semver', 'isSemver', 'jsonpatch.escapeKey'], ofSize(1)),
  ...each(['fieldSelector', 'labelSelector'], selector),
  ...each(['replace', 'split', 'ip.isCanonical'], ofSize(2)),
  join: { ofResult: (_args, result) => traversal(sizeOf(result) * 2) },
  ...each(['find', 'findAll'], matchCost),
  cidr_ip: fixed(1),
  containsIP: contains(false, false),
  containsCIDR: contains(true, false),
  cidr_contains_ip_string: contains(false, true),
  cidr_contains_cidr_string: contains(true, true),
}
