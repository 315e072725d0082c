import assert from 'node:assert/strict'
import test from 'node:test'
import { deepEqual } from '#base'
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerV1, MetricSpec, MetricStatus } from '../generated/types.ts'
import { fromV2, toV2 } from './v1-form.ts'

const PREFIX = 'autoscaling.alpha.kubernetes.io/'
const scaleTargetRef = { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' }
const selector = { matchLabels: { a: 'b' } }
const cpu = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } }

/** Every kind of metric: in v2, and as an annotation of v1 prints it. */
const METRICS: readonly (readonly [metric: MetricSpec, printed: string])[] = [
  [
    { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } } },
    '{"type":"Resource","resource":{"name":"memory","targetAverageValue":"1Gi"}}',
  ],
  [
    {
      type: 'ContainerResource',
      containerResource: { name: 'cpu', container: 'c', target: { type: 'Utilization', averageUtilization: 5 } },
    },
    '{"type":"ContainerResource","containerResource":{"name":"cpu","targetAverageUtilization":5,"container":"c"}}',
  ],
  [
    { type: 'Pods', pods: { metric: { name: 'qps', selector }, target: { type: 'AverageValue', averageValue: '10' } } },
    '{"type":"Pods","pods":{"metricName":"qps","targetAverageValue":"10","selector":{"matchLabels":{"a":"b"}}}}',
  ],
  [
    { type: 'Object', object: { describedObject: scaleTargetRef, metric: { name: 'm' }, target: { type: 'Value', value: '3' } } },
    '{"type":"Object","object":{"target":{"kind":"Deployment","name":"web","apiVersion":"apps/v1"},"metricName":"m","targetValue":"3"}}',
  ],
  [
    { type: 'External', external: { metric: { name: 'q' }, target: { type: 'AverageValue', averageValue: '7' } } },
    '{"type":"External","external":{"metricName":"q","targetAverageValue":"7"}}',
  ],
]

const v2 = (
  fields: Pick<HorizontalPodAutoscaler, 'status'> & { readonly spec?: HorizontalPodAutoscaler['spec'] },
): HorizontalPodAutoscaler =>
  ({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'a' },
    ...fields,
  }) as HorizontalPodAutoscaler

test('v1 writes down metrics in a form of its own, and reads it again', () => {
  const metrics = [...METRICS.map(([metric]) => metric), cpu]
  const older = fromV2(v2({ spec: { scaleTargetRef, maxReplicas: 3, metrics } }))
  assert.equal(older.spec?.targetCPUUtilizationPercentage, 60)
  assert.equal(older.metadata?.annotations?.[`${PREFIX}metrics`], `[${METRICS.map(([, printed]) => printed).join(',')}]`)
  const again = toV2(older)
  assert.ok(deepEqual(again.spec?.metrics, metrics))
  assert.equal(again.metadata?.annotations, undefined)
})

test('behavior is written down as Go prints its own type, and read in any case', () => {
  const scaleDown = { stabilizationWindowSeconds: 60, policies: [{ type: 'Pods', value: 1, periodSeconds: 15 }] }
  const older = fromV2(v2({ spec: { scaleTargetRef, maxReplicas: 3, metrics: [cpu], behavior: { scaleDown } } }))
  const printed = older.metadata?.annotations?.[`${PREFIX}behavior`]
  assert.equal(
    printed,
    '{"ScaleUp":null,"ScaleDown":{"StabilizationWindowSeconds":60,"SelectPolicy":null,"Policies":[{"Type":"Pods","Value":1,"PeriodSeconds":15}],"Tolerance":null}}',
  )
  assert.ok(deepEqual(toV2(older).spec?.behavior, { scaleDown }))
  const lower = { ...older, metadata: { annotations: { [`${PREFIX}behavior`]: JSON.stringify({ scaledown: scaleDown }) } } }
  assert.ok(deepEqual(toV2(lower).spec?.behavior, { scaleDown }))
})

test('the annotation of current metrics has all of them, with the values that the field has not', () => {
  const current: MetricStatus[] = [
    { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 40, averageValue: '100m' } } },
    { type: 'External', external: { metric: { name: 'q' }, current: { value: '5' } } },
  ]
  const conditions = [{ type: 'AbleToScale', status: 'True' }]
  const older = fromV2(v2({ status: { currentReplicas: 1, desiredReplicas: 2, currentMetrics: current, conditions } }))
  assert.equal(older.status?.currentCPUUtilizationPercentage, 40)
  assert.equal(
    older.metadata?.annotations?.[`${PREFIX}current-metrics`],
    '[{"type":"Resource","resource":{"name":"cpu","currentAverageUtilization":40,"currentAverageValue":"100m"}},{"type":"External","external":{"metricName":"q","currentValue":"5"}}]',
  )
  const { status } = toV2(older)
  assert.ok(deepEqual(status?.currentMetrics, current))
  assert.ok(deepEqual(status?.conditions, conditions))
})

/** Of these a condition can be made, as Go makes it. */
const IS_CONDITION = new Set(['[null]', '[{"type":"Resource","resource":{"name":{}}}]'])

for (const text of [
  'not json',
  'null',
  '{}',
  '[null]',
  '[5]',
  '[{"type":5}]',
  '[{"type":"Resource","resource":{"name":{}}}]',
  '"x"',
])
  test(`an annotation that says ${text} says nothing`, () => {
    const annotations = Object.fromEntries(
      ['metrics', 'behavior', 'current-metrics', ...(IS_CONDITION.has(text) ? [] : ['conditions'])].map((name) => [
        PREFIX + name,
        text,
      ]),
    )
    const object: HorizontalPodAutoscalerV1 = {
      metadata: { annotations },
      spec: { scaleTargetRef, maxReplicas: 1 },
      status: { currentReplicas: 0, desiredReplicas: 0 },
    }
    const { spec, status } = toV2(object)
    assert.equal(spec?.metrics?.[0]?.resource?.name, 'cpu')
    assert.deepEqual(
      [spec?.metrics?.length, spec?.behavior, status?.currentMetrics, status?.conditions ?? []],
      [1, undefined, undefined, []],
    )
  })
