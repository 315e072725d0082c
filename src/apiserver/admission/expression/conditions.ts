import type { MatchCondition } from '#api'
import type { Program, Variables } from '#cel'

/** Whether all conditions hold: one that is false decides, whatever else fails. Throws what the first failure was. */
export async function allHold(
  conditions: readonly MatchCondition[],
  compiled: readonly (() => Program)[],
  values: Variables,
  evaluate: (program: Program, values: Variables) => Promise<unknown>,
): Promise<boolean> {
  const failures: string[] = []
  for (const [index, { expression }] of conditions.entries()) {
    try {
      if ((await evaluate(compiled[index]!(), values)) !== true) return false
    } catch (error) {
      failures.push(`expression '${expression}' resulted in error: ${(error as Error).message}`)
    }
  }
  if (failures.length > 0) throw new Error(failures.length === 1 ? failures[0]! : `[${failures.join(', ')}]`)
  return true
}
