import { ownValue } from '#base'
import { parseQuantity } from '#meta'
import { ofContainer } from '../core/validate-resources.ts'
import type {
  ContainerResourceMetricSource,
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
import { dnsLabel, pathSegmentName } from '../validation/names.ts'

const WINDOW_SECONDS_MAX = 3600
const PERIOD_SECONDS_MAX = 1800

export function validateAutoscaler({ spec }: HorizontalPodAutoscaler, found: Findings): void {
  const { minReplicas, maxReplicas = 0, scaleTargetRef, metrics = [], behavior } = spec ?? {}
  if (minReplicas !== undefined && minReplicas < 1) {
    found.push(invalidValue('spec.minReplicas', minReplicas, 'must be greater than or equal to 1'))
  }
  if (maxReplicas < 1) found.push(invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than 0'))
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    found.push(invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`'))
  }
  validateReference(scaleTargetRef, 'spec.scaleTargetRef', found)
  for (const [index, metric] of metrics.entries()) validateMetric(metric, `spec.metrics[${index}]`, found)
  validateRules(behavior?.scaleUp, 'spec.behavior.scaleUp', found)
  validateRules(behavior?.scaleDown, 'spec.behavior.scaleDown', found)
}

export function validateAutoscalerStatus({ status }: HorizontalPodAutoscaler, found: Findings): void {
  nonNegative(status?.currentReplicas, 'status.currentReplicas', found)
  nonNegative(status?.desiredReplicas, 'status.desiredReplicas', found)
}

function validateReference(reference: CrossVersionObjectReference | undefined, field: string, found: Findings): void {
  for (const key of ['kind', 'name'] as const) {
    const value = reference?.[key]
    if (!value) found.push(required(`${field}.${key}`))
    else complaints(pathSegmentName(value), value, `${field}.${key}`, found)
  }
}

function validateRules(rules: HPAScalingRules | undefined, field: string, found: Findings): void {
  if (rules === undefined) return
  const { stabilizationWindowSeconds: seconds, selectPolicy, policies = [], tolerance } = rules
  const window = `${field}.stabilizationWindowSeconds`
  if (seconds !== undefined && seconds < 0) found.push(invalidValue(window, seconds, 'must be greater than or equal to zero'))
  if (seconds !== undefined && seconds > WINDOW_SECONDS_MAX)
    found.push(invalidValue(window, seconds, `must be less than or equal to ${WINDOW_SECONDS_MAX}`))
  optionalOneOf(selectPolicy, ['Disabled', 'Max', 'Min'], `${field}.selectPolicy`, found)
  if (policies.length === 0) found.push(required(`${field}.policies`, 'must specify at least one Policy'))
  for (const [index, policy] of policies.entries()) validatePolicy(policy, `${field}.policies[${index}]`, found)
  if (tolerance !== undefined && parseQuantity(tolerance).nanos < 0n)
    found.push(invalidValue(`${field}.tolerance`, tolerance, 'must be greater than or equal to 0'))
}

const POLICY_TYPES = ['Percent', 'Pods']

function validatePolicy({ type = '', value = 0, periodSeconds = 0 }: HPAScalingPolicy, field: string, found: Findings): void {
  if (!POLICY_TYPES.includes(type)) found.push(unsupported(`${field}.type`, type, POLICY_TYPES))
  if (value <= 0) found.push(invalidValue(`${field}.value`, value, 'must be greater than zero'))
  if (periodSeconds <= 0) found.push(invalidValue(`${field}.periodSeconds`, periodSeconds, 'must be greater than zero'))
  if (periodSeconds > PERIOD_SECONDS_MAX)
    found.push(invalidValue(`${field}.periodSeconds`, periodSeconds, `must be less than or equal to ${PERIOD_SECONDS_MAX}`))
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

function validateMetric(metric: MetricSpec, field: string, found: Findings): void {
  const expected = ownValue(TYPES, metric.type)
  if (!metric.type) found.push(required(`${field}.type`, 'must specify a metric source type'))
  if (expected === undefined) found.push(unsupported(`${field}.type`, metric.type ?? '', Object.keys(TYPES)))
  const present = SOURCES.filter((source) => metric[source] !== undefined)
  if (present[0] !== undefined) validateSource(metric, present[0], `${field}.${present[0]}`, found)
  if (expected !== undefined && !present.includes(expected))
    found.push(required(`${field}.${expected}`, 'must populate information for the given metric source'))
  if (present.length === 1) return
  for (const other of present)
    if (other !== expected) found.push(forbid(`${field}.${other}`, 'must populate the given metric source only'))
}

function validateSource(metric: MetricSpec, source: Source, field: string, found: Findings): void {
  const { object, external, pods, resource, containerResource } = metric
  const target = metric[source]?.target
  if (object && source === 'object') validateReference(object.describedObject, `${field}.describedObject`, found)
  const named = { object, external, pods }[source as string]
  if (named !== undefined) validateIdentifier(named.metric, `${field}.metric`, found)
  const counted = { resource, containerResource }[source as string]
  if (counted !== undefined && !counted.name) found.push(required(`${field}.name`, 'must specify a resource name'))
  if (source === 'containerResource' && containerResource !== undefined) validateContainerOf(containerResource, field, found)
  validateTarget(target, `${field}.target`, found)
  RULES[source](target ?? { type: '' }, `${field}.target`, found)
}

/** What resource of which container, where a name is given at all. */
function validateContainerOf({ name, container }: ContainerResourceMetricSource, field: string, found: Findings): void {
  if (name) ofContainer(name, `${field}.name`, found)
  if (!container) found.push(required(`${field}.container`, 'must specify a container'))
  else complaints(dnsLabel(container), container, `${field}.container`, found)
}

function validateIdentifier(metric: MetricIdentifier | undefined, field: string, found: Findings): void {
  if (!metric?.name) found.push(required(`${field}.name`, 'must specify a metric name'))
  else complaints(pathSegmentName(metric.name), metric.name, `${field}.name`, found)
}

const isPositive = (quantity: string): boolean => parseQuantity(quantity).nanos > 0n

function validateTarget(target: MetricTarget | undefined, field: string, found: Findings): void {
  const { type = '', value, averageValue, averageUtilization } = target ?? {}
  if (type === '') found.push(required(`${field}.type`, 'must specify a metric target type'))
  if (!['Utilization', 'Value', 'AverageValue'].includes(type))
    found.push(invalidValue(`${field}.type`, type, 'must be either Utilization, Value, or AverageValue'))
  if (value !== undefined && !isPositive(value)) found.push(invalidValue(`${field}.value`, value, 'must be positive'))
  if (averageValue !== undefined && !isPositive(averageValue))
    found.push(invalidValue(`${field}.averageValue`, averageValue, 'must be positive'))
  if (averageUtilization !== undefined && averageUtilization < 1)
    found.push(invalidValue(`${field}.averageUtilization`, averageUtilization, 'must be greater than 0'))
}

function ofResource({ averageUtilization, averageValue }: MetricTarget, field: string, found: Findings): void {
  if (averageUtilization === undefined && averageValue === undefined)
    found.push(required(`${field}.averageUtilization`, 'must set either a target raw value or a target utilization'))
  if (averageUtilization !== undefined && averageValue !== undefined)
    found.push(forbid(`${field}.averageValue`, 'may not set both a target raw value and a target utilization'))
}

/** What a target must say, by what is measured. */
const RULES: Readonly<Record<Source, (target: MetricTarget, field: string, found: Findings) => void>> = {
  object({ value, averageValue }, field, found) {
    if (value === undefined && averageValue === undefined)
      found.push(required(`${field}.averageValue`, 'must set either a target value or averageValue'))
  },
  external({ value, averageValue }, field, found) {
    if (value === undefined && averageValue === undefined)
      found.push(required(`${field}.averageValue`, 'must set either a target value for metric or a per-pod target'))
    if (value !== undefined && averageValue !== undefined)
      found.push(forbid(`${field}.value`, 'may not set both a target value for metric and a per-pod target'))
  },
  pods({ averageValue }, field, found) {
    if (averageValue === undefined) found.push(required(`${field}.averageValue`, 'must specify a positive target averageValue'))
  },
  resource: ofResource,
  containerResource: ofResource,
}
