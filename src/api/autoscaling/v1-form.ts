import { conform, isObject, type KubernetesObject, StructureError } from '#meta'
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerV1, MetricSpec, MetricStatus } from '../generated/types.ts'
import { schemaOf } from '../schemas.ts'
import { printBehavior, readBehavior } from './v1-behavior.ts'
import { type OldMetric, toNewSpec, toNewStatus, toOldSpec, toOldStatus } from './v1-metrics.ts'

/** What v1 has no field for travels in these annotations. */
const METRICS = 'autoscaling.alpha.kubernetes.io/metrics'
const BEHAVIOR = 'autoscaling.alpha.kubernetes.io/behavior'
const CONDITIONS = 'autoscaling.alpha.kubernetes.io/conditions'
const CURRENT_METRICS = 'autoscaling.alpha.kubernetes.io/current-metrics'

const isCpu = ({ type, resource }: MetricSpec): boolean => type === 'Resource' && resource?.name === 'cpu'

export function toV2(object: HorizontalPodAutoscalerV1): HorizontalPodAutoscaler {
  const { spec, status } = object
  const {
    [METRICS]: metrics,
    [BEHAVIOR]: written,
    [CONDITIONS]: conditions,
    [CURRENT_METRICS]: current,
    ...annotations
  } = object.metadata?.annotations ?? {}
  const cpu = spec?.targetCPUUtilizationPercentage
  const behavior = specOf(written, 'behavior', readBehavior) as NonNullable<HorizontalPodAutoscaler['spec']>['behavior']
  const all = (specOf(metrics, 'metrics', each(toNewSpec)) ?? []) as MetricSpec[]
  if (cpu !== undefined || all.length === 0) {
    const target = { type: 'Utilization', averageUtilization: cpu ?? 80 }
    all.push({ type: 'Resource', resource: { name: 'cpu', target } })
  }
  return {
    ...object,
    apiVersion: 'autoscaling/v2',
    metadata: withAnnotations(object.metadata, annotations),
    ...(spec && {
      spec: {
        scaleTargetRef: spec.scaleTargetRef,
        ...(spec.minReplicas !== undefined && { minReplicas: spec.minReplicas }),
        maxReplicas: spec.maxReplicas,
        metrics: all,
        ...(behavior && { behavior }),
      },
    }),
    ...(status && { status: statusToV2(status, current, conditions) }),
  }
}

type StatusV2 = NonNullable<HorizontalPodAutoscaler['status']>
type StatusV1 = NonNullable<HorizontalPodAutoscalerV1['status']>

/** What the annotation says of current metrics is all there is to say: it holds the one that has a field, too. */
function statusToV2(status: StatusV1, current: string | undefined, conditions: string | undefined): StatusV2 {
  const { currentCPUUtilizationPercentage: cpu, ...rest } = status
  let metrics = (statusOf(current, 'currentMetrics', each(toNewStatus)) ?? []) as MetricStatus[]
  if (metrics.length === 0 && cpu !== undefined)
    metrics = [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: cpu } } }]
  const parsed = statusOf(conditions, 'conditions', (document) => document) as StatusV2['conditions']
  return { ...rest, ...(metrics.length > 0 && { currentMetrics: metrics }), ...(parsed && { conditions: parsed }) }
}

export function fromV2(stored: KubernetesObject): HorizontalPodAutoscalerV1 {
  const object = stored as HorizontalPodAutoscaler
  const { spec, status } = object
  const utilizationOf = (metric: MetricSpec): number | undefined =>
    isCpu(metric) ? metric.resource?.target.averageUtilization : undefined
  const target = spec?.metrics?.map(utilizationOf).find((each) => each !== undefined)
  const others = spec?.metrics?.filter((metric) => utilizationOf(metric) === undefined) ?? []
  const current = status?.currentMetrics ?? []
  const annotations = {
    ...object.metadata?.annotations,
    ...(others.length > 0 && { [METRICS]: JSON.stringify(others.map(toOldSpec)) }),
    ...(current.length > 0 && { [CURRENT_METRICS]: JSON.stringify(current.map(toOldStatus)) }),
    ...(status?.conditions?.length && { [CONDITIONS]: JSON.stringify(status.conditions) }),
    ...(spec?.behavior && { [BEHAVIOR]: printBehavior(spec.behavior) }),
  }
  const utilization = current.find(({ type, resource }) => type === 'Resource' && resource?.name === 'cpu')?.resource?.current
    .averageUtilization
  const { currentMetrics: _metrics, conditions: _conditions, currentReplicas = 0, ...counts } = status ?? { desiredReplicas: 0 }
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

/** Annotations are users' text: what doesn't parse says nothing, and no more does what does not fit where it would stand. */
function read(text: string | undefined, type: string, field: string, convert: (document: unknown) => unknown): unknown {
  if (text === undefined) return undefined
  try {
    const converted = convert(JSON.parse(text))
    if (converted === undefined) return undefined
    const { value } = conform({ [field]: converted }, schemaOf(`io.k8s.api.autoscaling.v2.${type}`))
    return (value as Readonly<Record<string, unknown>>)[field]
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof StructureError) return undefined
    throw error
  }
}

const specOf = (text: string | undefined, field: string, convert: (document: unknown) => unknown): unknown =>
  read(text, 'HorizontalPodAutoscalerSpec', field, convert)

const statusOf = (text: string | undefined, field: string, convert: (document: unknown) => unknown): unknown =>
  read(text, 'HorizontalPodAutoscalerStatus', field, convert)

const each =
  (convert: (metric: OldMetric) => unknown) =>
  (document: unknown): unknown =>
    Array.isArray(document) && document.every(isObject) ? (document as unknown as OldMetric[]).map(convert) : undefined
