import { comparisonCost, equalityCost, traversal } from '../cost/runtime.ts'
import { Failure, fail, noSuchOverload } from '../values/failure.ts'
import { Optional } from '../values/optional.ts'
import { sizeOf } from '../values/size.ts'
import type { Value } from '../values/value.ts'
import { find } from './access.ts'
import type { Evaluator, Frame } from './frame.ts'

export function local(slot: number, cost: number): Evaluator {
  return (frame) => {
    frame.charge(cost)
    const value = frame.slots[slot]!
    if (value instanceof Failure) throw value
    return value
  }
}

export function root(name: string, cost: number): Evaluator {
  return (frame) => {
    frame.charge(cost)
    const value = frame.root(name)
    return value === undefined ? fail(`no such attribute(s): ${name}`) : value
  }
}

/** What a value that failed counts as. */
export const FAILED = null

/** One for a value, whether it is had or not. */
export function charging(operand: Evaluator): Evaluator {
  return (frame) => {
    let value: Value
    try {
      value = operand(frame)
    } catch (error) {
      return frame.fail(error, () => 1)
    }
    frame.charge(1)
    return value
  }
}

export function unary(operand: Evaluator, operator: (a: Value) => Value): Evaluator {
  const charged = charging(operand)
  return (frame) => operator(charged(frame))
}

/** The parts of a literal, for which it has its price also where one fails. */
export function parts<T>(cost: number, read: (frame: Frame) => T): (frame: Frame) => T {
  return (frame) => {
    let value: T
    try {
      value = read(frame)
    } catch (error) {
      return frame.fail(error, () => cost)
    }
    frame.charge(cost)
    return value
  }
}

/** && and ||: either side alone decides, whatever the other does; `decisive` is the value that does. */
export function logical(left: Evaluator, right: Evaluator, decisive: boolean): Evaluator {
  return (frame) => {
    const a = frame.attempt(left)
    if (a === decisive) return decisive
    if (a === !decisive) {
      const b = right(frame)
      return typeof b === 'boolean' ? b : noSuchOverload()
    }
    if (frame.attempt(right) === decisive) return decisive
    if (a instanceof Failure) throw a
    return noSuchOverload()
  }
}

/** A part of what an optional holds. What is absent is not read: it costs nothing, and ends a chain. */
export function within(frame: Frame, { held }: Optional, index: Evaluator): Optional {
  const found = held === undefined ? undefined : find(held, index(frame))
  if (found !== undefined) frame.charge(1)
  return Optional.of(found)
}

/** `or` and `orValue`: what comes second is evaluated only where the optional is empty, and choosing costs nothing. */
export function otherwise(first: Evaluator, second: Evaluator, unwraps: boolean): Evaluator {
  return (frame) => {
    const value = first(frame)
    if (!(value instanceof Optional)) return value
    if (value.held === undefined) return second(frame)
    return unwraps ? value.held : value
  }
}

/** Keeps a loop going over failures: only a finished `false` ends it. */
export function notStrictlyFalse(operand: Evaluator): Evaluator {
  return (frame) => {
    frame.charge(1)
    try {
      return operand(frame) !== false
    } catch (error) {
      if (!(error instanceof Failure) || error.fatal) throw error
      return true
    }
  }
}

export function held(value: Value): Value | undefined {
  return value instanceof Optional ? value.held : noSuchOverload()
}

/** Which overload it is counts as the checker found it: what it could not tell costs one. */
export function binaryCost(name: string, [overload, ...others]: readonly string[]): (a: Value, b: Value) => number {
  if (name === '_==_') return equalityCost
  if (name === '_!=_') return comparisonCost
  if (overload === undefined || others.length > 0) return () => 1
  if (overload === 'in_list') return (_element, list) => sizeOf(list)
  if (overload === 'add_string' || overload === 'add_bytes') return (a, b) => traversal(sizeOf(a) + sizeOf(b))
  return /^(less|greater)(_equals)?_(string|bytes)$/.test(overload) ? comparisonCost : () => 1
}
