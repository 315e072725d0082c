import type { KubernetesObject } from '#meta'
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerV1, MetricSpec, MetricStatus } from '../generated/types.ts'

/** What v1 has no field for travels in these annotations. */
const METRICS = 'autoscaling.alpha.kubernetes.io/metrics'
const BEHAVIOR = 'autoscaling.alpha.kubernetes.io/behavior'
const CONDITIONS = 'autoscaling.alpha.kubernetes.io/conditions'
const CURRENT_METRICS = 'autoscaling.alpha.kubernetes.io/current-metrics'

const isCpu = ({ type, resource }: MetricSpec): boolean =>
  type === 'Resource' && resource?.name === 'cpu' && resource.target.averageUtilization !== undefined

export function toV2(object: HorizontalPodAutoscalerV1): HorizontalPodAutoscaler {
  const { spec, status } = object
  const {
    [METRICS]: metrics,
    [BEHAVIOR]: behavior,
    [CONDITIONS]: conditions,
    ...annotations
  } = object.metadata?.annotations ?? {}
  const { [CURRENT_METRICS]: current, ...others } = annotations
  const cpu = spec?.targetCPUUtilizationPercentage
  const parsed = parse<HorizontalPodAutoscaler['spec'] & object>(behavior)
  const all: MetricSpec[] = [...(parse<MetricSpec[]>(metrics) ?? [])]
  if (cpu !== undefined || all.length === 0) {
    const target = { type: 'Utilization', averageUtilization: cpu ?? 80 }
    all.push({ type: 'Resource', resource: { name: 'cpu', target } })
  }
  return {
    ...object,
    apiVersion: 'autoscaling/v2',
    metadata: withAnnotations(object.metadata, others),
    ...(spec && {
      spec: {
        scaleTargetRef: spec.scaleTargetRef,
        ...(spec.minReplicas !== undefined && { minReplicas: spec.minReplicas }),
        maxReplicas: spec.maxReplicas,
        metrics: all,
        ...(parsed !== undefined && { behavior: parsed as NonNullable<HorizontalPodAutoscaler['spec']>['behavior'] & object }),
      },
    }),
    ...(status && { status: statusToV2(status, current, conditions) }),
  }
}

type StatusV2 = NonNullable<HorizontalPodAutoscaler['status']>
type StatusV1 = NonNullable<HorizontalPodAutoscalerV1['status']>

function statusToV2(status: StatusV1, current: string | undefined, conditions: string | undefined): StatusV2 {
  const { currentCPUUtilizationPercentage: cpu, ...rest } = status
  const metrics: MetricStatus[] = [...(parse<MetricStatus[]>(current) ?? [])]
  if (cpu !== undefined) metrics.push({ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: cpu } } })
  const parsed = parse<NonNullable<StatusV2['conditions']>>(conditions)
  return { ...rest, ...(metrics.length > 0 && { currentMetrics: metrics }), ...(parsed && { conditions: parsed }) }
}

export function fromV2(stored: KubernetesObject): HorizontalPodAutoscalerV1 {
  const object = stored as HorizontalPodAutoscaler
  const { spec, status } = object
  const cpu = spec?.metrics?.find(isCpu)
  const others = spec?.metrics?.filter((metric) => metric !== cpu) ?? []
  const currentCpu = status?.currentMetrics?.find(({ resource }) => resource?.name === 'cpu')
  const otherCurrent = status?.currentMetrics?.filter((metric) => metric !== currentCpu) ?? []
  const annotations = {
    ...object.metadata?.annotations,
    ...(others.length > 0 && { [METRICS]: JSON.stringify(others) }),
    ...(spec?.behavior && { [BEHAVIOR]: JSON.stringify(spec.behavior) }),
    ...(status?.conditions?.length && { [CONDITIONS]: JSON.stringify(status.conditions) }),
    ...(otherCurrent.length > 0 && { [CURRENT_METRICS]: JSON.stringify(otherCurrent) }),
  }
  const utilization = currentCpu?.resource?.current.averageUtilization
  const { currentMetrics: _metrics, conditions: _conditions, currentReplicas = 0, ...counts } = status ?? { desiredReplicas: 0 }
  const target = cpu?.resource?.target.averageUtilization
  return {
    ...object,
    apiVersion: 'autoscaling/v1',
    metadata: withAnnotations(object.metadata, annotations),
    ...(spec && {
      spec: {
        scaleTargetRef: spec.scaleTargetRef,
        ...(spec.minReplicas !== undefined && { minReplicas: spec.minReplicas }),
        maxReplicas: spec.maxReplicas,
        ...(target !== undefined && { targetCPUUtilizationPercentage: target }),
      },
    }),
    status: {
      ...counts,
      currentReplicas,
      ...(utilization !== undefined && { currentCPUUtilizationPercentage: utilization }),
    },
  }
}

function withAnnotations(metadata: KubernetesObject['metadata'], annotations: Record<string, string>) {
  const { annotations: _, ...rest } = metadata ?? {}
  return Object.keys(annotations).length > 0 ? { ...rest, annotations } : rest
}

/** Annotations are users' text: what doesn't parse says nothing. */
function parse<T>(text: string | undefined): T | undefined {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as T
  } catch {
    return undefined
  }
}
