import { admissionEnvironment, EXPRESSION_RETURNS, type MatchCondition, type ResourceDefinition } from '#api'
import { forbidden } from '#meta'
import { type Cel, loadCel } from '../expression/cel.ts'
import { allHold } from '../expression/conditions.ts'
import { Evaluator, type Lazily, lazily } from '../expression/evaluator.ts'
import { conditionValues, requestValues } from '../expression/values.ts'
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
  const labels = { kind: 'webhook', name, type, operation: attributes.operation } as const
  const cel = await loadCel()
  const values = conditionValues(await requestValues(cel, attributes, matched, context), attributes, matched)
  const evaluator = new Evaluator(cel, values, cel.RUNTIME_COST_BUDGET / 4)
  let holds: boolean
  try {
    holds = await allHold(compiled(cel, matchConditions), evaluator, failurePolicy, labels, context)
  } catch (error) {
    throw forbidden(attributes.resource, attributes.name, (error as Error).message)
  }
  // Upstream names the type otherwise here than where conditions are timed.
  if (!holds) context.metrics.conditions.excluded({ ...labels, type: type === 'validating' ? 'validate' : type })
  return holds
}

const known = new WeakMap<readonly MatchCondition[], readonly Lazily[]>()

function compiled(cel: Cel, conditions: readonly MatchCondition[]): readonly Lazily[] {
  let programs = known.get(conditions)
  if (programs === undefined) {
    const environment = admissionEnvironment(cel, {})
    programs = conditions.map(({ expression }) => lazily(cel, () => environment, expression, EXPRESSION_RETURNS.bool))
    known.set(conditions, programs)
  }
  return programs
}
