import { age, integer, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { PodDisruptionBudget } from '../generated/types.ts'
import { countOrPercent, labelSelector, notOver100Percent } from '../validation/common.ts'
import { validateConditions } from '../validation/conditions.ts'
import { invalidValue, nonNegative, optionalOneOf } from '../validation/findings.ts'

export const podDisruptionBudgets = defineResource<PodDisruptionBudget>({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  scope: 'Namespaced',
  names: { plural: 'poddisruptionbudgets', shortNames: ['pdb'] },
  unconditionalUpdate: false,
  subresources: { status: true },
  generation: true,
  default(draft) {
    draft.spec ??= {}
    draft.status ??= { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 }
  },
  columns: [
    name,
    text('Min Available', ({ spec }) => `${spec?.minAvailable ?? 'N/A'}`, 'The minimum number of pods that must be available.'),
    text(
      'Max Unavailable',
      ({ spec }) => `${spec?.maxUnavailable ?? 'N/A'}`,
      'The maximum number of pods that may be unavailable.',
    ),
    integer(
      'Allowed Disruptions',
      ({ status }) => status?.disruptionsAllowed ?? 0,
      'Calculated number of pods that may be disrupted at this time.',
    ),
    age,
  ],
  validate({ spec = {} }, found) {
    if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
      found.push(invalidValue('spec', spec, 'minAvailable and maxUnavailable cannot be both set'))
    }
    for (const key of ['minAvailable', 'maxUnavailable'] as const) {
      countOrPercent(spec[key], `spec.${key}`, found)
      notOver100Percent(spec[key], `spec.${key}`, found)
    }
    labelSelector(spec.selector, 'spec.selector', found)
    optionalOneOf(spec.unhealthyPodEvictionPolicy, ['AlwaysAllow', 'IfHealthyBudget'], 'spec.unhealthyPodEvictionPolicy', found)
  },
  validateStatusUpdate({ status }, _old, found) {
    validateConditions(status?.conditions, 'status.conditions', found)
    for (const key of ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const)
      nonNegative(status?.[key], `status.${key}`, found)
  },
  schema: 'io.k8s.api.policy.v1.PodDisruptionBudget',
})
