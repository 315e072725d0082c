import type { HorizontalPodAutoscaler, MetricSpec, MetricTarget } from '../generated/types.ts'
import { complaints, type Findings, forbid, invalidValue, required, unsupported } from '../validation/findings.ts'
import { pathSegmentName } from '../validation/names.ts'

const SOURCES: Readonly<Record<string, keyof MetricSpec>> = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
}

export function* validateAutoscaler({ spec }: HorizontalPodAutoscaler): Findings {
  const { minReplicas, maxReplicas = 0, scaleTargetRef, metrics = [], behavior } = spec ?? {}
  if (minReplicas !== undefined && minReplicas < 1) {
    yield invalidValue('spec.minReplicas', minReplicas, 'must be greater than or equal to 1')
  }
  if (maxReplicas < 1) yield invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than 0')
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    yield invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`')
  }
  for (const key of ['kind', 'name'] as const) {
    const value = scaleTargetRef?.[key]
    if (!value) yield required(`spec.scaleTargetRef.${key}`)
    else yield* complaints(pathSegmentName(value), value, `spec.scaleTargetRef.${key}`)
  }
  for (const [index, metric] of metrics.entries()) yield* validateMetric(metric, `spec.metrics[${index}]`)
  for (const direction of ['scaleUp', 'scaleDown'] as const) {
    const rules = behavior?.[direction]
    if (rules === undefined) continue
    const path = `spec.behavior.${direction}`
    const seconds = rules.stabilizationWindowSeconds
    if (seconds !== undefined && (seconds < 0 || seconds > 3600)) {
      const rule = seconds < 0 ? 'must be greater than or equal to zero' : 'must be less than or equal to 3600'
      yield invalidValue(`${path}.stabilizationWindowSeconds`, seconds, rule)
    }
    if (rules.policies?.length === 0) yield required(`${path}.policies`, 'must specify at least one Policy')
  }
}

function* validateMetric(metric: MetricSpec, path: string): Findings {
  if (!metric.type) {
    yield required(`${path}.type`, 'must specify a metric source type')
    return
  }
  const key = SOURCES[metric.type]
  if (key === undefined) {
    yield unsupported(`${path}.type`, metric.type, Object.keys(SOURCES))
    return
  }
  if (metric[key] === undefined) {
    yield required(`${path}.${key}`, 'must populate information for the given metric source')
    return
  }
  for (const other of Object.values(SOURCES)) {
    if (other !== key && metric[other] !== undefined) {
      yield forbid(`${path}.${other}`, 'must populate the given metric source only')
    }
  }
  yield* validateTarget((metric[key] as { target?: MetricTarget }).target, `${path}.${key}.target`)
}

function* validateTarget(target: MetricTarget | undefined, path: string): Findings {
  const types = ['AverageValue', 'Utilization', 'Value']
  if (!target?.type) {
    yield required(`${path}.type`, 'must specify a metric target type')
    return
  }
  if (!types.includes(target.type))
    yield invalidValue(`${path}.type`, target.type, 'must be either Utilization, Value, or AverageValue')
  if (target.averageUtilization !== undefined && target.averageUtilization < 1) {
    yield invalidValue(`${path}.averageUtilization`, target.averageUtilization, 'must be greater than 0')
  }
  if (target.averageUtilization !== undefined && target.averageValue !== undefined) {
    yield forbid(`${path}.averageValue`, 'may not set both a target raw value and a target utilization')
  }
}
