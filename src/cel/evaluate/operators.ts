import { CelDuration } from '../values/duration.ts'
import { compare, equal } from '../values/equality.ts'
import { fail, noSuchOverload } from '../values/failure.ts'
import { CelList, JoinedList, ListBuilder } from '../values/list.ts'
import { CelMap } from '../values/map.ts'
import {
  addInts,
  Double,
  divideInts,
  type Int,
  isInt,
  multiplyInts,
  negateInt,
  remainderInts,
  subtractInts,
  Uint,
} from '../values/number.ts'
import { Timestamp } from '../values/timestamp.ts'
import type { Value } from '../values/value.ts'

const unsigned = (value: bigint): Uint => Uint.of(value)
const big = ({ value }: Uint): bigint => BigInt(value)

export function add(a: Value, b: Value): Value {
  if (isInt(a)) return isInt(b) ? addInts(a, b) : noSuchOverload()
  if (typeof a === 'string') return typeof b === 'string' ? a + b : noSuchOverload()
  if (a instanceof ListBuilder) return b instanceof CelList ? a.append(b) : noSuchOverload()
  if (a instanceof CelList) return b instanceof CelList ? join(a, b) : noSuchOverload()
  if (a instanceof Double) return b instanceof Double ? new Double(a.value + b.value) : noSuchOverload()
  if (a instanceof Uint) return b instanceof Uint ? unsigned(big(a) + big(b)) : noSuchOverload()
  if (a instanceof Timestamp) return b instanceof CelDuration ? a.plus(b) : noSuchOverload()
  if (a instanceof CelDuration) {
    if (b instanceof Timestamp) return b.plus(a)
    return b instanceof CelDuration ? CelDuration.of(a.nanos + b.nanos) : noSuchOverload()
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    const joined = new Uint8Array(a.length + b.length)
    joined.set(a)
    joined.set(b, a.length)
    return joined
  }
  return noSuchOverload()
}

function join(a: CelList, b: CelList): CelList {
  const own = a.concat(b)
  if (own !== undefined) return own
  if (a.size === 0) return b
  return b.size === 0 ? a : new JoinedList(a, b)
}

function subtract(a: Value, b: Value): Value {
  if (isInt(a)) return isInt(b) ? subtractInts(a, b) : noSuchOverload()
  if (a instanceof Double) return b instanceof Double ? new Double(a.value - b.value) : noSuchOverload()
  if (a instanceof Uint) return b instanceof Uint ? unsigned(big(a) - big(b)) : noSuchOverload()
  if (a instanceof CelDuration) return b instanceof CelDuration ? CelDuration.of(a.nanos - b.nanos) : noSuchOverload()
  if (a instanceof Timestamp) {
    if (b instanceof Timestamp) return a.since(b)
    if (b instanceof CelDuration) return a.minus(b)
  }
  return noSuchOverload()
}

/** An operator that exists for numbers of one type only. */
const numeric =
  (
    ints: (a: Int, b: Int) => Int,
    doubles: ((a: number, b: number) => number) | undefined,
    uints: (a: bigint, b: bigint) => bigint,
  ) =>
  (a: Value, b: Value): Value => {
    if (isInt(a)) return isInt(b) ? ints(a, b) : noSuchOverload()
    if (a instanceof Double) return b instanceof Double && doubles ? new Double(doubles(a.value, b.value)) : noSuchOverload()
    return a instanceof Uint && b instanceof Uint ? unsigned(uints(big(a), big(b))) : noSuchOverload()
  }

const multiply = numeric(
  multiplyInts,
  (a, b) => a * b,
  (a, b) => a * b,
)
const divide = numeric(
  divideInts,
  (a, b) => a / b,
  (a, b) => (b === 0n ? fail('division by zero') : a / b),
)
const remainder = numeric(remainderInts, undefined, (a, b) => (b === 0n ? fail('modulus by zero') : a % b))

export function negate(a: Value): Value {
  if (isInt(a)) return negateInt(a)
  return a instanceof Double ? new Double(-a.value) : noSuchOverload()
}

export const not = (a: Value): Value => (typeof a === 'boolean' ? !a : noSuchOverload())

const ordered =
  (holds: (order: number) => boolean) =>
  (a: Value, b: Value): Value => {
    const order = compare(a, b)
    if (order === null) return noSuchOverload()
    return order !== undefined && holds(order)
  }

const less = ordered((order) => order < 0)
const lessOrEqual = ordered((order) => order <= 0)
const greater = ordered((order) => order > 0)
const greaterOrEqual = ordered((order) => order >= 0)
const equals = (a: Value, b: Value): Value => equal(a, b)
const notEquals = (a: Value, b: Value): Value => !equal(a, b)

function contains(element: Value, collection: Value): Value {
  if (collection instanceof CelMap) return collection.has(element)
  if (!(collection instanceof CelList)) return noSuchOverload()
  for (let index = 0; index < collection.size; index++) if (equal(element, collection.at(index))) return true
  return false
}

/** Operators dispatch on their operands' types themselves; overloads matter to the checker only. */
export const binaryOperators: Readonly<Record<string, (a: Value, b: Value) => Value>> = {
  '_+_': add,
  '_-_': subtract,
  '_*_': multiply,
  '_/_': divide,
  '_%_': remainder,
  '_<_': less,
  '_<=_': lessOrEqual,
  '_>_': greater,
  '_>=_': greaterOrEqual,
  '_==_': equals,
  '_!=_': notEquals,
  '@in': contains,
}
