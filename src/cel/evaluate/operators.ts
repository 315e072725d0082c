import { isOfLibrary } from '../cost/runtime.ts'
import { CelDuration } from '../values/duration.ts'
import { compare, equal } from '../values/equality.ts'
import { fail, noSuchOverload } from '../values/failure.ts'
import { typeNameOf } from '../values/kind.ts'
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

/** Upstream names the operator only where the first operand is of a type that neither knows it nor dispatches calls of its own. */
export function unable(name: string, a: Value): never {
  return fail(dispatches(a) || (name === '-_' && typeof a === 'boolean') ? 'no such overload' : `no such overload: ${name}`)
}

const dispatches = (value: Value): boolean =>
  typeof value === 'string' || value instanceof CelDuration || value instanceof Timestamp

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
  if (!(a instanceof Uint8Array)) return unable('_+_', a)
  if (b instanceof Uint8Array) {
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
    return b instanceof CelDuration ? a.minus(b) : noSuchOverload()
  }
  return unable('_-_', a)
}

/** An operator that exists for numbers of one type only. */
const numeric =
  (
    name: string,
    ints: (a: Int, b: Int) => Int,
    doubles: ((a: number, b: number) => number) | undefined,
    uints: (a: bigint, b: bigint) => bigint,
  ) =>
  (a: Value, b: Value): Value => {
    if (isInt(a)) return isInt(b) ? ints(a, b) : noSuchOverload()
    if (a instanceof Double && doubles) return b instanceof Double ? new Double(doubles(a.value, b.value)) : noSuchOverload()
    if (!(a instanceof Uint)) return unable(name, a)
    return b instanceof Uint ? unsigned(uints(big(a), big(b))) : noSuchOverload()
  }

const multiply = numeric(
  '_*_',
  multiplyInts,
  (a, b) => a * b,
  (a, b) => a * b,
)
const divide = numeric(
  '_/_',
  divideInts,
  (a, b) => a / b,
  (a, b) => (b === 0n ? fail('division by zero') : a / b),
)
const remainder = numeric('_%_', remainderInts, undefined, (a, b) => (b === 0n ? fail('modulus by zero') : a % b))

export function negate(a: Value): Value {
  if (isInt(a)) return negateInt(a)
  if (a instanceof Double) return new Double(-a.value)
  return a instanceof CelDuration ? CelDuration.of(-a.nanos) : unable('-_', a)
}

export const not = (a: Value): Value => (typeof a === 'boolean' ? !a : noSuchOverload())

/** Whether a type has an order, of one value of it and another. */
const isOrdered = (value: Value): boolean => compare(value, value) !== null

const unordered = (value: Value): never =>
  value instanceof Double && Number.isNaN(value.value) ? fail('NaN values cannot be ordered') : noSuchOverload()

const ordered =
  (name: string, holds: (order: number) => boolean) =>
  (a: Value, b: Value): Value => {
    const order = compare(a, b)
    if (order === null) return isOrdered(a) ? unordered(a) : unable(name, a)
    return order === undefined ? fail('NaN values cannot be ordered') : holds(order)
  }

const less = ordered('_<_', (order) => order < 0)
const lessOrEqual = ordered('_<=_', (order) => order <= 0)
const greater = ordered('_>_', (order) => order > 0)
const greaterOrEqual = ordered('_>=_', (order) => order >= 0)
/** What a library added is compared with its own kind only. */
const equals = (a: Value, b: Value): Value =>
  isOfLibrary(a) && b !== null && typeNameOf(a) !== typeNameOf(b) ? noSuchOverload() : equal(a, b)
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
