import { defineResource } from '../define-resource.ts'
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec } from '../generated/types.ts'
import { autoscalerColumns } from './columns.ts'
import { defaultBehavior } from './default-behavior.ts'
import { validateAutoscaler, validateAutoscalerStatus } from './validate-autoscaler.ts'

export const horizontalPodAutoscalers = defineResource<HorizontalPodAutoscaler>({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  scope: 'Namespaced',
  names: { plural: 'horizontalpodautoscalers', shortNames: ['hpa'], categories: ['all'] },
  subresources: { status: true },
  generation: true,
  default(draft) {
    const spec = (draft.spec ??= {} as HorizontalPodAutoscalerSpec)
    spec.minReplicas ??= 1
    if (!spec.metrics?.length) {
      spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }]
    }
    defaultBehavior(spec.behavior)
    draft.status ??= { desiredReplicas: 0 }
  },
  columns: autoscalerColumns,
  validate: validateAutoscaler,
  validateStatusUpdate: (autoscaler, _old, found) => validateAutoscalerStatus(autoscaler, found),
  schema: 'io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler',
})
