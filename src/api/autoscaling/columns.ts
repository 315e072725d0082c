import { age, NONE, name, text } from '../columns.ts'
import type { Column } from '../definition.ts'
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerV1,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from '../generated/types.ts'
import { toV2 } from './v1-form.ts'

const SHOWN_MAX = 2
const UNKNOWN = '<unknown>'

export const autoscalerColumns: readonly Column<HorizontalPodAutoscaler>[] = [
  name,
  text(
    'Reference',
    ({ spec }) => `${spec?.scaleTargetRef?.kind}/${spec?.scaleTargetRef?.name}`,
    'autoscaling.v2.HorizontalPodAutoscalerSpec#scaleTargetRef',
  ),
  text('Targets', targetsOf, 'autoscaling.v2.HorizontalPodAutoscalerSpec#metrics'),
  text('MinPods', ({ spec }) => `${spec?.minReplicas ?? '<unset>'}`, 'autoscaling.v2.HorizontalPodAutoscalerSpec#minReplicas'),
  text('MaxPods', ({ spec }) => spec?.maxReplicas, 'autoscaling.v2.HorizontalPodAutoscalerSpec#maxReplicas'),
  text('Replicas', ({ status }) => status?.currentReplicas ?? 0, 'autoscaling.v2.HorizontalPodAutoscalerStatus#currentReplicas'),
  age,
]

export const autoscalerV1Columns: readonly Column<HorizontalPodAutoscalerV1>[] = autoscalerColumns.map((column) => ({
  ...column,
  value: (object, context) => column.value(toV2(object), context),
}))

function targetsOf({ spec, status }: HorizontalPodAutoscaler): string {
  const metrics = spec?.metrics ?? []
  if (metrics.length === 0) return NONE
  const shown = metrics.slice(0, SHOWN_MAX).map((metric, index) => formatMetric(metric, status?.currentMetrics?.[index]))
  const rest = metrics.length - SHOWN_MAX
  return rest > 0 ? `${shown.join(', ')} + ${rest} more...` : shown.join(', ')
}

/** What a quantity that is expected but absent shows, as Go prints it. */
const NIL = '<nil>'

function formatMetric(metric: MetricSpec, status: MetricStatus | undefined): string {
  switch (metric.type) {
    case 'External':
      return amountOf(metric.external?.target, status?.external?.current)
    case 'Pods': {
      const current = status?.pods && (status.pods.current?.averageValue ?? NIL)
      return `${current ?? UNKNOWN}/${metric.pods?.target?.averageValue ?? NIL}`
    }
    case 'Object':
      return amountOf(metric.object?.target, status?.object?.current)
    case 'Resource':
      return `${metric.resource?.name}: ${usageOf(metric.resource?.target, status?.resource?.current)}`
    case 'ContainerResource':
      return `${metric.containerResource?.name}: ${usageOf(metric.containerResource?.target, status?.containerResource?.current)}`
    default:
      return '<unknown type>'
  }
}

/** `now/wanted` of a metric that is one number, or one for each pod. */
function amountOf(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? UNKNOWN}/${target.averageValue} (avg)`
  return `${current === undefined ? UNKNOWN : (current.value ?? NIL)}/${target?.value ?? NIL}`
}

/** The same of what pods use of a resource, as an amount or in parts of what they asked for. */
function usageOf(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined)
    return `${current === undefined ? UNKNOWN : (current.averageValue ?? NIL)}/${target.averageValue}`
  const percent = (share: number | undefined, otherwise: string): string => (share === undefined ? otherwise : `${share}%`)
  return `${percent(current?.averageUtilization, UNKNOWN)}/${percent(target?.averageUtilization, '<auto>')}`
}
