import type { ConditionLabels } from '../metrics.ts'
import type { AdmissionContext } from '../types.ts'
import { type Evaluator, type Lazily, OutOfBudget } from './evaluator.ts'

/**
 * Whether all match conditions hold: one that is false decides, whatever else fails. Conditions that can't be evaluated are told as an Error, or, where
 * failures are ignored, do not hold.
 */
export async function allHold(
  conditions: readonly Lazily[],
  evaluator: Evaluator,
  failurePolicy: string | undefined,
  labels: ConditionLabels,
  { clock, metrics }: AdmissionContext,
): Promise<boolean> {
  const startedAtMs = clock.monotonic()
  const observe = (): void => metrics.conditions.took(labels, clock.monotonic() - startedAtMs)
  const failed = (why: string): boolean => {
    observe()
    if (failurePolicy === 'Ignore') return false
    throw new Error(why)
  }
  const outcomes = []
  try {
    for (const condition of conditions) outcomes.push(await evaluator.evaluate(condition()))
  } catch (error) {
    if (!(error instanceof OutOfBudget)) throw error
    return failed(error.message)
  }
  const errors = new Set<string>()
  for (const outcome of outcomes) {
    if ('error' in outcome) {
      errors.add(outcome.error)
      metrics.conditions.failed(labels)
    } else if (outcome.value === false) {
      observe()
      return false
    }
  }
  if (errors.size === 0) return true
  return failed(errors.size === 1 ? [...errors][0]! : `[${[...errors].join(', ')}]`)
}
