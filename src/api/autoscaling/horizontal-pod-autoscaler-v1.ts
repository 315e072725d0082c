import { defineResource } from '../define-resource.ts'
import type { HorizontalPodAutoscalerV1 } from '../generated/types.ts'

export const horizontalPodAutoscalersV1 = defineResource<HorizontalPodAutoscalerV1>({
  group: 'autoscaling',
  version: 'v1',
  kind: 'HorizontalPodAutoscaler',
  scope: 'Namespaced',
  names: { plural: 'horizontalpodautoscalers', shortNames: ['hpa'], categories: ['all'] },
  subresources: { status: true },
  generation: true,
  schema: 'io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler',
})
