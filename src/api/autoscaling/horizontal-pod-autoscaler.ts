import { defineResource } from '../define-resource.ts'
import type { HorizontalPodAutoscaler } from '../generated/types.ts'

export const horizontalPodAutoscalers = defineResource<HorizontalPodAutoscaler>({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  scope: 'Namespaced',
  names: { plural: 'horizontalpodautoscalers', shortNames: ['hpa'], categories: ['all'] },
  subresources: { status: true },
  generation: true,
  schema: 'io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler',
})
