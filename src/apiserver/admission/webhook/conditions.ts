import { admissionEnvironment, type MatchCondition, type ResourceDefinition } from '#api'
import type { Program } from '#cel'
import { forbidden } from '#meta'
import { type Cel, loadCel } from '../expression/cel.ts'
import { allHold } from '../expression/conditions.ts'
import { requestValues } from '../expression/values.ts'
import type { WebhookType } from '../metrics.ts'
import type { AdmissionContext, Attributes } from '../types.ts'
import type { Hook } from './hook.ts'

/** Whether every match condition holds. Conditions that can't be evaluated refuse the request, or skip a webhook whose failures are ignored. */
export async function conditionsHold(
  { matchConditions, failurePolicy, name }: Pick<Hook, 'matchConditions' | 'failurePolicy' | 'name'>,
  matched: ResourceDefinition,
  attributes: Attributes,
  context: AdmissionContext,
  type: WebhookType,
): Promise<boolean> {
  if (!matchConditions?.length) return true
  const { clock, metrics } = context
  const labels = { kind: 'webhook', name, type, operation: attributes.operation } as const
  const cel = await loadCel()
  const compiled = programsOf(cel, matchConditions)
  let budget = cel.RUNTIME_COST_BUDGET / 4
  try {
    const values = await requestValues(cel, attributes, matched, context)
    const evaluate = (): Promise<boolean> =>
      allHold(matchConditions, compiled, values, async (program) => {
        const { value, cost } = await program.evaluateAsync(values, { costLimit: Math.min(cel.PER_CALL_LIMIT, budget) })
        budget -= cost
        return value
      })
    return await metrics.conditions.observed(labels, () => clock.monotonic(), evaluate)
  } catch (error) {
    if (failurePolicy === 'Ignore') return false
    throw forbidden(attributes.resource, attributes.name, `webhook ${JSON.stringify(name)}: ${(error as Error).message}`)
  }
}

const known = new WeakMap<readonly MatchCondition[], readonly (() => Program)[]>()

function programsOf(cel: Cel, conditions: readonly MatchCondition[]): readonly (() => Program)[] {
  let programs = known.get(conditions)
  if (programs === undefined) {
    const environment = admissionEnvironment(cel, {})
    programs = conditions.map(({ expression }) => {
      let program: Program | undefined
      return () => (program ??= environment.compile(expression))
    })
    known.set(conditions, programs)
  }
  return programs
}
