import { parseQuantity } from '#meta'
import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscaler,
  HPAScalingPolicy,
  HPAScalingRules,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
} from '../generated/types.ts'
import {
  complaints,
  type Findings,
  forbid,
  invalidValue,
  nonNegative,
  optionalOneOf,
  required,
  unsupported,
} from '../validation/findings.ts'
import { pathSegmentName } from '../validation/names.ts'

const WINDOW_SECONDS_MAX = 3600
const PERIOD_SECONDS_MAX = 1800

export function* validateAutoscaler({ spec }: HorizontalPodAutoscaler): Findings {
  const { minReplicas, maxReplicas = 0, scaleTargetRef, metrics = [], behavior } = spec ?? {}
  if (minReplicas !== undefined && minReplicas < 1) {
    yield invalidValue('spec.minReplicas', minReplicas, 'must be greater than or equal to 1')
  }
  if (maxReplicas < 1) yield invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than 0')
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    yield invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`')
  }
  yield* validateReference(scaleTargetRef, 'spec.scaleTargetRef')
  for (const [index, metric] of metrics.entries()) yield* validateMetric(metric, `spec.metrics[${index}]`)
  yield* validateRules(behavior?.scaleUp, 'spec.behavior.scaleUp')
  yield* validateRules(behavior?.scaleDown, 'spec.behavior.scaleDown')
}

export function* validateAutoscalerStatus({ status }: HorizontalPodAutoscaler): Findings {
  yield* nonNegative(status?.currentReplicas, 'status.currentReplicas')
  yield* nonNegative(status?.desiredReplicas, 'status.desiredReplicas')
}

function* validateReference(reference: CrossVersionObjectReference | undefined, field: string): Findings {
  for (const key of ['kind', 'name'] as const) {
    const value = reference?.[key]
    if (!value) yield required(`${field}.${key}`)
    else yield* complaints(pathSegmentName(value), value, `${field}.${key}`)
  }
}

function* validateRules(rules: HPAScalingRules | undefined, field: string): Findings {
  if (rules === undefined) return
  const { stabilizationWindowSeconds: seconds, selectPolicy, policies = [], tolerance } = rules
  const window = `${field}.stabilizationWindowSeconds`
  if (seconds !== undefined && seconds < 0) yield invalidValue(window, seconds, 'must be greater than or equal to zero')
  if (seconds !== undefined && seconds > WINDOW_SECONDS_MAX)
    yield invalidValue(window, seconds, `must be less than or equal to ${WINDOW_SECONDS_MAX}`)
  yield* optionalOneOf(selectPolicy, ['Disabled', 'Max', 'Min'], `${field}.selectPolicy`)
  if (policies.length === 0) yield required(`${field}.policies`, 'must specify at least one Policy')
  for (const [index, policy] of policies.entries()) yield* validatePolicy(policy, `${field}.policies[${index}]`)
  if (tolerance !== undefined && parseQuantity(tolerance).nanos < 0n)
    yield invalidValue(`${field}.tolerance`, tolerance, 'must be greater than or equal to 0')
}

const POLICY_TYPES = ['Percent', 'Pods']

function* validatePolicy({ type = '', value = 0, periodSeconds = 0 }: HPAScalingPolicy, field: string): Findings {
  if (!POLICY_TYPES.includes(type)) yield unsupported(`${field}.type`, type, POLICY_TYPES)
  if (value <= 0) yield invalidValue(`${field}.value`, value, 'must be greater than zero')
  if (periodSeconds <= 0) yield invalidValue(`${field}.periodSeconds`, periodSeconds, 'must be greater than zero')
  if (periodSeconds > PERIOD_SECONDS_MAX)
    yield invalidValue(`${field}.periodSeconds`, periodSeconds, `must be less than or equal to ${PERIOD_SECONDS_MAX}`)
}

type Source = 'object' | 'external' | 'pods' | 'resource' | 'containerResource'

/** In the order in which upstream looks for them. */
const SOURCES: readonly Source[] = ['object', 'external', 'pods', 'resource', 'containerResource']
const TYPES: Readonly<Record<string, Source>> = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
}

function* validateMetric(metric: MetricSpec, field: string): Findings {
  const expected = TYPES[metric.type]
  if (!metric.type) yield required(`${field}.type`, 'must specify a metric source type')
  if (expected === undefined) yield unsupported(`${field}.type`, metric.type ?? '', Object.keys(TYPES))
  const present = SOURCES.filter((source) => metric[source] !== undefined)
  if (present[0] !== undefined) yield* validateSource(metric, present[0], `${field}.${present[0]}`)
  if (expected !== undefined && !present.includes(expected))
    yield required(`${field}.${expected}`, 'must populate information for the given metric source')
  if (present.length === 1) return
  for (const other of present)
    if (other !== expected) yield forbid(`${field}.${other}`, 'must populate the given metric source only')
}

function* validateSource(metric: MetricSpec, source: Source, field: string): Findings {
  const { object, external, pods, resource, containerResource } = metric
  const target = metric[source]?.target
  if (object && source === 'object') yield* validateReference(object.describedObject, `${field}.describedObject`)
  const named = { object, external, pods }[source as string]
  if (named !== undefined) yield* validateIdentifier(named.metric, `${field}.metric`)
  const counted = { resource, containerResource }[source as string]
  if (counted !== undefined && !counted.name) yield required(`${field}.name`, 'must specify a resource name')
  if (source === 'containerResource' && !containerResource?.container)
    yield required(`${field}.container`, 'must specify a container')
  yield* validateTarget(target, `${field}.target`)
  yield* RULES[source](target ?? { type: '' }, `${field}.target`)
}

function* validateIdentifier(metric: MetricIdentifier | undefined, field: string): Findings {
  if (!metric?.name) yield required(`${field}.name`, 'must specify a metric name')
  else yield* complaints(pathSegmentName(metric.name), metric.name, `${field}.name`)
}

const isPositive = (quantity: string): boolean => parseQuantity(quantity).nanos > 0n

function* validateTarget(target: MetricTarget | undefined, field: string): Findings {
  const { type = '', value, averageValue, averageUtilization } = target ?? {}
  if (type === '') yield required(`${field}.type`, 'must specify a metric target type')
  if (!['Utilization', 'Value', 'AverageValue'].includes(type))
    yield invalidValue(`${field}.type`, type, 'must be either Utilization, Value, or AverageValue')
  if (value !== undefined && !isPositive(value)) yield invalidValue(`${field}.value`, value, 'must be positive')
  if (averageValue !== undefined && !isPositive(averageValue))
    yield invalidValue(`${field}.averageValue`, averageValue, 'must be positive')
  if (averageUtilization !== undefined && averageUtilization < 1)
    yield invalidValue(`${field}.averageUtilization`, averageUtilization, 'must be greater than 0')
}

function* ofResource({ averageUtilization, averageValue }: MetricTarget, field: string): Findings {
  if (averageUtilization === undefined && averageValue === undefined)
    yield required(`${field}.averageUtilization`, 'must set either a target raw value or a target utilization')
  if (averageUtilization !== undefined && averageValue !== undefined)
    yield forbid(`${field}.averageValue`, 'may not set both a target raw value and a target utilization')
}

/** What a target must say, by what is measured. */
const RULES: Readonly<Record<Source, (target: MetricTarget, field: string) => Findings>> = {
  *object({ value, averageValue }, field) {
    if (value === undefined && averageValue === undefined)
      yield required(`${field}.averageValue`, 'must set either a target value or averageValue')
  },
  *external({ value, averageValue }, field) {
    if (value === undefined && averageValue === undefined)
      yield required(`${field}.averageValue`, 'must set either a target value for metric or a per-pod target')
    if (value !== undefined && averageValue !== undefined)
      yield forbid(`${field}.value`, 'may not set both a target value for metric and a per-pod target')
  },
  *pods({ averageValue }, field) {
    if (averageValue === undefined || !isPositive(averageValue))
      yield required(`${field}.averageValue`, 'must specify a positive target averageValue')
  },
  resource: ofResource,
  containerResource: ofResource,
}
