import { defineResource } from '../define-resource.ts'
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerV1 } from '../generated/types.ts'
import { autoscalerV1Columns } from './columns.ts'
import { horizontalPodAutoscalers } from './horizontal-pod-autoscaler.ts'
import { fromV2, toV2 } from './v1-form.ts'

export const horizontalPodAutoscalersV1 = defineResource<HorizontalPodAutoscalerV1>({
  group: 'autoscaling',
  version: 'v1',
  kind: 'HorizontalPodAutoscaler',
  scope: 'Namespaced',
  names: { plural: 'horizontalpodautoscalers', shortNames: ['hpa'], categories: ['all'] },
  subresources: { status: true },
  generation: true,
  // Stored in v2's form, and so under v2's rules.
  default: (draft) => horizontalPodAutoscalers.default(draft as HorizontalPodAutoscaler),
  storage: { group: 'autoscaling', version: 'v2', kind: 'HorizontalPodAutoscaler', toStored: toV2, fromStored: fromV2 },
  columns: autoscalerV1Columns,
  validate: (autoscaler, found, context) =>
    horizontalPodAutoscalers.validate(autoscaler as HorizontalPodAutoscaler, found, context),
  schema: 'io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler',
})
