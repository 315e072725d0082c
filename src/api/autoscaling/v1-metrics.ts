import type {
  CrossVersionObjectReference,
  MetricIdentifier,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from '../generated/types.ts'

/** A metric as autoscaling/v1 writes it down: what it is of and its numbers side by side. */
interface OldSource {
  readonly name?: string
  readonly container?: string
  readonly target?: CrossVersionObjectReference
  readonly metricName?: string
  readonly metricSelector?: MetricIdentifier['selector']
  readonly selector?: MetricIdentifier['selector']
  readonly targetValue?: string
  readonly averageValue?: string
  readonly targetAverageValue?: string
  readonly targetAverageUtilization?: number
  readonly currentValue?: string
  readonly currentAverageValue?: string
  readonly currentAverageUtilization?: number
}

export interface OldMetric {
  readonly type: string
  readonly object?: OldSource
  readonly pods?: OldSource
  readonly resource?: OldSource
  readonly containerResource?: OldSource
  readonly external?: OldSource
}

/** Fields in the order in which Go prints them; what is undefined is not printed. */
export function toOldSpec({ type, object, pods, resource, containerResource, external }: MetricSpec): OldMetric {
  const average = ({ averageUtilization, averageValue }: MetricTarget): OldSource => ({
    targetAverageUtilization: averageUtilization!,
    targetAverageValue: averageValue!,
  })
  return {
    type,
    ...(object && {
      object: {
        target: object.describedObject,
        metricName: object.metric.name,
        targetValue: object.target.value ?? '0',
        selector: object.metric.selector,
        averageValue: object.target.averageValue!,
      },
    }),
    ...(pods && {
      pods: {
        metricName: pods.metric.name,
        targetAverageValue: pods.target.averageValue ?? '0',
        selector: pods.metric.selector,
      },
    }),
    ...(resource && { resource: { name: resource.name, ...average(resource.target) } }),
    ...(containerResource && {
      containerResource: {
        name: containerResource.name,
        ...average(containerResource.target),
        container: containerResource.container,
      },
    }),
    ...(external && {
      external: {
        metricName: external.metric.name,
        metricSelector: external.metric.selector,
        targetValue: external.target.value!,
        targetAverageValue: external.target.averageValue!,
      },
    }),
  } as OldMetric
}

export function toNewSpec({ type, object, pods, resource, containerResource, external }: OldMetric): MetricSpec {
  const average = ({
    targetAverageUtilization: averageUtilization,
    targetAverageValue: averageValue,
  }: OldSource): MetricTarget => ({
    type: averageUtilization === undefined ? 'AverageValue' : 'Utilization',
    ...(averageUtilization !== undefined && { averageUtilization }),
    ...(averageValue !== undefined && { averageValue }),
  })
  return {
    type,
    ...(object && {
      object: {
        describedObject: object.target!,
        metric: metric(object.metricName, object.selector),
        target: {
          type: object.averageValue === undefined ? 'Value' : 'AverageValue',
          value: object.targetValue ?? '0',
          ...(object.averageValue !== undefined && { averageValue: object.averageValue }),
        },
      },
    }),
    ...(pods && {
      pods: {
        metric: metric(pods.metricName, pods.selector),
        target: { type: 'AverageValue', averageValue: pods.targetAverageValue ?? '0' },
      },
    }),
    ...(resource && { resource: { name: resource.name ?? '', target: average(resource) } }),
    ...(containerResource && {
      containerResource: {
        name: containerResource.name ?? '',
        container: containerResource.container ?? '',
        target: average(containerResource),
      },
    }),
    ...(external && {
      external: {
        metric: metric(external.metricName, external.metricSelector),
        target: {
          type: external.targetValue === undefined ? 'AverageValue' : 'Value',
          ...(external.targetValue !== undefined && { value: external.targetValue }),
          ...(external.targetAverageValue !== undefined && { averageValue: external.targetAverageValue }),
        },
      },
    }),
  }
}

export function toOldStatus({ type, object, pods, resource, containerResource, external }: MetricStatus): OldMetric {
  const average = ({ averageUtilization, averageValue }: MetricValueStatus): OldSource => ({
    currentAverageUtilization: averageUtilization!,
    currentAverageValue: averageValue ?? '0',
  })
  return {
    type,
    ...(object && {
      object: {
        target: object.describedObject,
        metricName: object.metric.name,
        currentValue: object.current.value ?? '0',
        selector: object.metric.selector,
        averageValue: object.current.averageValue!,
      },
    }),
    ...(pods && {
      pods: {
        metricName: pods.metric.name,
        currentAverageValue: pods.current.averageValue ?? '0',
        selector: pods.metric.selector,
      },
    }),
    ...(resource && { resource: { name: resource.name, ...average(resource.current) } }),
    ...(containerResource && {
      containerResource: {
        name: containerResource.name,
        ...average(containerResource.current),
        container: containerResource.container,
      },
    }),
    ...(external && {
      external: {
        metricName: external.metric.name,
        metricSelector: external.metric.selector,
        currentValue: external.current.value ?? '0',
        currentAverageValue: external.current.averageValue!,
      },
    }),
  } as OldMetric
}

export function toNewStatus({ type, object, pods, resource, containerResource, external }: OldMetric): MetricStatus {
  const average = ({ currentAverageUtilization, currentAverageValue: averageValue }: OldSource): MetricValueStatus => ({
    ...(currentAverageUtilization !== undefined && { averageUtilization: currentAverageUtilization }),
    ...(averageValue !== undefined && { averageValue }),
  })
  return {
    type,
    ...(object && {
      object: {
        describedObject: object.target!,
        metric: metric(object.metricName, object.selector),
        current: {
          value: object.currentValue ?? '0',
          ...(object.averageValue !== undefined && { averageValue: object.averageValue }),
        },
      },
    }),
    ...(pods && {
      pods: {
        metric: metric(pods.metricName, pods.selector),
        current: { averageValue: pods.currentAverageValue ?? '0' },
      },
    }),
    ...(resource && { resource: { name: resource.name ?? '', current: average(resource) } }),
    ...(containerResource && {
      containerResource: {
        name: containerResource.name ?? '',
        container: containerResource.container ?? '',
        current: average(containerResource),
      },
    }),
    ...(external && {
      external: {
        metric: metric(external.metricName, external.metricSelector),
        current: {
          value: external.currentValue ?? '0',
          ...(external.currentAverageValue !== undefined && { averageValue: external.currentAverageValue }),
        },
      },
    }),
  }
}

const metric = (name = '', selector: MetricIdentifier['selector']): MetricIdentifier => ({ name, ...(selector && { selector }) })
