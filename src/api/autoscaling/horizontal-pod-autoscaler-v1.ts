import { defineResource } from '../define-resource.ts'
import type { HorizontalPodAutoscalerV1 } from '../generated/types.ts'
import { autoscalerV1Columns } from './columns.ts'
import { fromV2, toV2 } from './v1-form.ts'
import { validateAutoscaler } from './validate-autoscaler.ts'

export const horizontalPodAutoscalersV1 = defineResource<HorizontalPodAutoscalerV1>({
  group: 'autoscaling',
  version: 'v1',
  kind: 'HorizontalPodAutoscaler',
  scope: 'Namespaced',
  names: { plural: 'horizontalpodautoscalers', shortNames: ['hpa'], categories: ['all'] },
  subresources: { status: true },
  generation: true,
  default(draft) {
    if (draft.spec) draft.spec.minReplicas ??= 1
    draft.status ??= { currentReplicas: 0, desiredReplicas: 0 }
  },
  storage: { group: 'autoscaling', version: 'v2', kind: 'HorizontalPodAutoscaler', toStored: toV2, fromStored: fromV2 },
  columns: autoscalerV1Columns,
  validate: (autoscaler) => validateAutoscaler(toV2(autoscaler)),
  schema: 'io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler',
})
