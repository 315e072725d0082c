import type { RuntimeCost } from '../cost/runtime.ts'
import type { Overload } from '../types/declarations.ts'
import { Failure, fail } from '../values/failure.ts'
import { typeNameOf } from '../values/kind.ts'
import type { Value } from '../values/value.ts'
import type { Evaluator, Frame } from './frame.ts'
import { anything, type Guard, guardOf } from './guards.ts'
import { unable } from './operators.ts'

interface Candidate extends Overload {
  readonly guards: readonly Guard[]
}

/**
 * A call of a declared function: the first overload whose parameters admit the arguments. It costs the same when there is none, or when it fails.
 * `isResolved` says whether the checker knows which overload it is.
 */
export function planCall(
  name: string,
  overloads: readonly Overload[],
  args: readonly Evaluator[],
  cost: RuntimeCost | undefined,
  isResolved: boolean,
): Evaluator {
  const candidates = overloads.map((overload): Candidate => {
    const { id, member, parameters, result, invoke, unguarded } = overload
    const guards = parameters.map((parameter) => (unguarded === true ? anything : guardOf(parameter)))
    return { id, member, parameters, result, invoke, guards }
  })
  const [only] = candidates
  const invoke = (values: readonly Value[]): Value => {
    if (candidates.length === 1) return admits(only!, values) ? only!.invoke(...values) : refuse(name, values)
    const found = candidates.find((candidate) => admits(candidate, values))
    return found === undefined ? refuse(name, values) : found.invoke(...values)
  }
  return (frame) => {
    const values = argumentsOf(frame, args, cost, isResolved)
    if (cost !== undefined && 'ofResult' in cost) return pricedByResult(frame, values, invoke, cost.ofResult)
    frame.charge(cost === undefined ? 1 : cost.ofArguments(values))
    return invoke(values)
  }
}

function admits({ guards }: Candidate, values: readonly Value[]): boolean {
  for (let at = 0; at < guards.length; at++) if (!guards[at]!(values[at]!)) return false
  return true
}

/** What upstream makes of an argument that fails: the second of two is evaluated after the first failed, and a call whose last argument was evaluated has its price. */
function argumentsOf(frame: Frame, args: readonly Evaluator[], cost: RuntimeCost | undefined, isResolved: boolean): Value[] {
  const values: Value[] = []
  for (let at = 0; at < args.length; at++) {
    try {
      values.push(args[at]!(frame))
    } catch (error) {
      const isPair = args.length === 2 && isResolved
      if (at < args.length - 1 && !isPair) throw error
      const priceOf = (second: Value): number => {
        const given = at === args.length - 1 ? [...values, null] : [null, second]
        if (cost === undefined) return 1
        return 'ofResult' in cost ? cost.ofResult(given, null) : cost.ofArguments(given)
      }
      return frame.fail(error, priceOf, args[at + 1])
    }
  }
  return values
}

/** What a call that failed gave counts as one thing. */
function pricedByResult(
  frame: Frame,
  values: readonly Value[],
  invoke: (values: readonly Value[]) => Value,
  costOf: (args: readonly Value[], result: Value) => number,
): Value {
  try {
    const result = invoke(values)
    frame.charge(costOf(values, result))
    return result
  } catch (error) {
    if (error instanceof Failure && !error.fatal) frame.charge(costOf(values, null))
    throw error
  }
}

/** Of functions that ask a value for an ability instead of its type, upstream does not name the types. */
const UNTYPED: ReadonlySet<string> = new Set(['size', 'sort', '@sortByAssociatedKeys'])

const refuse = (name: string, values: readonly Value[]): never =>
  UNTYPED.has(name) ? unable(name, values[0]!) : fail(`no such overload: ${name}(${values.map(typeNameOf).join(', ')})`)
