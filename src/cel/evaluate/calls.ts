import type { RuntimeCost } from '../cost/runtime.ts'
import type { Overload } from '../types/declarations.ts'
import { fail } from '../values/failure.ts'
import { typeNameOf } from '../values/kind.ts'
import type { Value } from '../values/value.ts'
import type { Evaluator } from './frame.ts'
import { type Guard, guardOf } from './guards.ts'

interface Candidate extends Overload {
  readonly guards: readonly Guard[]
  readonly cost: RuntimeCost | undefined
}

/** A call of a declared function: the first overload whose parameters admit the arguments. */
export function planCall(
  name: string,
  overloads: readonly Overload[],
  args: readonly Evaluator[],
  costOf: (overload: Overload) => RuntimeCost | undefined,
): Evaluator {
  const candidates = overloads.map((overload): Candidate => {
    const { id, member, parameters, result, invoke } = overload
    return { id, member, parameters, result, invoke, guards: parameters.map(guardOf), cost: costOf(overload) }
  })
  const [first, second] = args
  const [only] = candidates
  if (candidates.length === 1 && only!.cost === undefined) {
    const { guards, invoke } = only!
    const [guard, guard2] = guards
    if (args.length === 1) {
      return (frame) => {
        const value = first!(frame)
        frame.charge(1)
        return guard!(value) ? invoke(value) : refuse(name, [value])
      }
    }
    if (args.length === 2) {
      return (frame) => {
        const value = first!(frame)
        const value2 = second!(frame)
        frame.charge(1)
        return guard!(value) && guard2!(value2) ? invoke(value, value2) : refuse(name, [value, value2])
      }
    }
  }
  return (frame) => {
    const values = args.map((arg) => arg(frame))
    const found = candidates.find(({ guards }) => guards.every((guard, at) => guard(values[at]!)))
    if (found === undefined) return refuse(name, values)
    const { cost } = found
    if (cost === undefined) frame.charge(1)
    else if ('ofArguments' in cost) frame.charge(cost.ofArguments(values))
    const result = found.invoke(...values)
    if (cost !== undefined && 'ofResult' in cost) frame.charge(cost.ofResult(values, result))
    return result
  }
}

const refuse = (name: string, values: readonly Value[]): never =>
  fail(`no such overload: ${name}(${values.map(typeNameOf).join(', ')})`)
