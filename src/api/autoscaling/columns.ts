import { age, integer, NONE, name, text } from '../columns.ts'
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
  text('Reference', ({ spec }) => `${spec?.scaleTargetRef?.kind}/${spec?.scaleTargetRef?.name}`),
  text('Targets', targetsOf),
  text('MinPods', ({ spec }) => `${spec?.minReplicas ?? '<unset>'}`),
  integer('MaxPods', ({ spec }) => spec?.maxReplicas),
  integer('Replicas', ({ status }) => status?.currentReplicas ?? 0),
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

function formatMetric(metric: MetricSpec, status: MetricStatus | undefined): string {
  switch (metric.type) {
    case 'External':
      return ratio(metric.external?.target, status?.external?.current, '')
    case 'Pods':
      return ratio(metric.pods?.target, status?.pods?.current, '')
    case 'Object':
      return ratio(metric.object?.target, status?.object?.current, '')
    case 'Resource':
      return `${metric.resource?.name}: ${ratio(metric.resource?.target, status?.resource?.current, '%')}`
    case 'ContainerResource':
      return `${metric.containerResource?.name}: ${ratio(metric.containerResource?.target, status?.containerResource?.current, '%')}`
    default:
      return '<unknown type>'
  }
}

/** `now/wanted`, in whichever measure the target is given. */
function ratio(target: MetricTarget | undefined, current: MetricValueStatus | undefined, unit: string): string {
  if (target?.averageValue !== undefined) {
    return `${current?.averageValue ?? UNKNOWN}/${target.averageValue}${unit === '' ? ' (avg)' : ''}`
  }
  if (target?.value !== undefined) return `${current?.value ?? UNKNOWN}/${target.value}`
  const now = current?.averageUtilization
  return `${now === undefined ? UNKNOWN : `${now}%`}/${target?.averageUtilization === undefined ? '<auto>' : `${target.averageUtilization}%`}`
}
