import { LIST_CREATE_COST, MAP_CREATE_COST } from '../cost/runtime.ts'
import { ACCUMULATOR, type Comprehension } from '../syntax/ast.ts'
import { Failure, noSuchOverload } from '../values/failure.ts'
import { CelList, ListBuilder } from '../values/list.ts'
import { CelMap, MapBuilder } from '../values/map.ts'
import type { Value } from '../values/value.ts'
import type { Evaluator, Frame } from './frame.ts'

/** The compiled parts of a fold and the slots of its variables. */
export interface Fold {
  /** Whether making the empty accumulator costs something: not where it is a constant. */
  readonly isInitialCharged: boolean
  readonly range: Evaluator
  readonly initial: Evaluator
  readonly condition: Evaluator
  readonly step: Evaluator
  readonly result: Evaluator
  readonly variable: number
  readonly variable2: number | undefined
  readonly accumulator: number
}

/**
 * A fold as upstream runs it: a step that fails leaves its failure in the accumulator, where a later `false && …`
 * may still absorb it; folds into a list or map change their accumulator in place.
 */
export function planFold(expression: Comprehension, fold: Fold): Evaluator {
  const { range, condition, step, result, variable, variable2, accumulator } = fold
  const initial = builder(expression, fold.isInitialCharged) ?? fold.initial
  const turn = (frame: Frame): boolean => {
    frame.iterate()
    if (condition(frame) !== true) return false
    try {
      frame.slots[accumulator] = step(frame)
    } catch (error) {
      if (!(error instanceof Failure) || error.fatal) throw error
      frame.slots[accumulator] = error
    }
    return true
  }
  return (frame) => {
    const values = range(frame)
    frame.slots[accumulator] = initial(frame)
    if (values instanceof CelList) {
      for (let index = 0; index < values.size; index++) {
        if (variable2 === undefined) frame.slots[variable] = values.at(index)
        else {
          frame.slots[variable] = index
          frame.slots[variable2] = values.at(index)
        }
        if (!turn(frame)) break
      }
    } else if (values instanceof CelMap) {
      for (const key of values.keys()) {
        frame.slots[variable] = key
        if (variable2 !== undefined) frame.slots[variable2] = values.get(key)!
        if (!turn(frame)) break
      }
    } else return noSuchOverload()
    return finish(result(frame))
  }
}

/** The accumulator that a macro folds into, where it starts with an empty list or map. */
function builder({ accumulator, initial }: Comprehension, isCharged: boolean): Evaluator | undefined {
  if (accumulator !== ACCUMULATOR) return undefined
  if (initial.kind === 'list' && initial.elements.length === 0) {
    return (frame) => {
      if (isCharged) frame.charge(LIST_CREATE_COST)
      return new ListBuilder([])
    }
  }
  if (initial.kind === 'map' && initial.entries.length === 0) {
    return (frame) => {
      if (isCharged) frame.charge(MAP_CREATE_COST)
      return new MapBuilder()
    }
  }
  return undefined
}

function finish(value: Value): Value {
  if (value instanceof ListBuilder || value instanceof MapBuilder) return value.finish()
  return value
}
