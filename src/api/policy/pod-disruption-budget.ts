import { defineResource } from '../define-resource.ts'
import type { PodDisruptionBudget } from '../generated/types.ts'

export const podDisruptionBudgets = defineResource<PodDisruptionBudget>({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  scope: 'Namespaced',
  names: { plural: 'poddisruptionbudgets', shortNames: ['pdb'] },
  subresources: { status: true },
  generation: true,
  default(draft) {
    draft.spec ??= {}
    draft.status ??= { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 }
  },
  schema: 'io.k8s.api.policy.v1.PodDisruptionBudget',
})
