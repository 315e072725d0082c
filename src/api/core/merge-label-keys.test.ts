import assert from 'node:assert/strict'
import test from 'node:test'
import { made } from '#testing'
import { type PodSpec, pods } from '../index.ts'

const labels = { app: 'x', version: '1' }
const makeOf = (spec: object, metadata: object = { labels }): PodSpec =>
  made(pods, { metadata: { name: 'p', ...metadata }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } }).spec!

test('what labels a new pod has is said in the selectors of what it is to be near', () => {
  const keys = { matchLabelKeys: ['version', 'none'], mismatchLabelKeys: ['app'], topologyKey: 'zone' }
  const labelSelector = { matchExpressions: [{ key: 'a', operator: 'Exists' }] }
  const { affinity } = makeOf({
    affinity: {
      podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ ...keys, labelSelector }, keys] },
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: { ...keys, labelSelector: {} } }],
      },
    },
  })
  const added = [
    { key: 'version', operator: 'In', values: ['1'] },
    { key: 'app', operator: 'NotIn', values: ['x'] },
  ]
  const [near, nowhere] = affinity!.podAffinity!.requiredDuringSchedulingIgnoredDuringExecution!
  assert.deepEqual(near!.labelSelector, { matchExpressions: [...labelSelector.matchExpressions, ...added] })
  assert.equal(nowhere!.labelSelector, undefined)
  const [far] = affinity!.podAntiAffinity!.preferredDuringSchedulingIgnoredDuringExecution!
  assert.deepEqual(far!.podAffinityTerm.labelSelector, { matchExpressions: added })
})

test('what labels a new pod has is said in the selectors of what it is spread over', () => {
  const constraint = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', matchLabelKeys: ['version'] }
  const spec = { topologySpreadConstraints: [{ ...constraint, labelSelector: { matchLabels: { app: 'x' } } }] }
  const [merged] = makeOf(spec).topologySpreadConstraints!
  assert.deepEqual(merged!.labelSelector, {
    matchLabels: { app: 'x' },
    matchExpressions: [{ key: 'version', operator: 'In', values: ['1'] }],
  })
  const [unlabeled] = makeOf(spec, {}).topologySpreadConstraints!
  assert.deepEqual(unlabeled!.labelSelector, { matchLabels: { app: 'x' } })
})

test('a label of no pod is no label, whatever it is called', () => {
  const constraint = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', matchLabelKeys: ['toString'] }
  const [merged] = makeOf({ topologySpreadConstraints: [{ ...constraint, labelSelector: {} }] }).topologySpreadConstraints!
  assert.deepEqual(merged!.labelSelector, {})
})
