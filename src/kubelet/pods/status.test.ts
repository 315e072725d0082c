import assert from 'node:assert/strict'
import test from 'node:test'
import type { Pod } from '#api'
import { nothingObserved } from './observe.ts'
import { podStatus, type StatusInput } from './status.ts'

const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', uid: 'u1', generation: 3 },
  spec: { containers: [{ name: 'main', image: 'a', resources: { requests: { cpu: '1' } } }] },
}

const input = (more: Partial<StatusInput>): StatusInput => ({
  pod,
  observed: nothingObserved,
  waiting: new Map(),
  isStarted: () => true,
  isReady: () => true,
  terminationMessage: () => '',
  actualResources: () => undefined,
  resize: { pending: undefined, inProgress: undefined },
  restartAll: { isUnderWay: false, counts: new Map() },
  hostIPs: ['10.0.0.1'],
  nowMs: 0,
  runtimeName: 'containerd',
  ...more,
})

const condition = (status: ReturnType<typeof podStatus>, wanted: string) => {
  const { lastTransitionTime: _, ...rest } = status.conditions?.find(({ type }) => type === wanted) ?? {}
  return rest
}

test('a pod that goes for the sake of its node says so, one that is refused does not', () => {
  const verdict = { phase: 'Failed' as const, reason: 'Evicted', message: 'The node was low on resource: memory. ' }
  const evicted = podStatus(input({ verdict: { ...verdict, isDisruption: true } }))
  assert.deepEqual([evicted.phase, evicted.reason, evicted.message], ['Failed', 'Evicted', verdict.message])
  const expected = { type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message: verdict.message }
  assert.deepEqual(condition(evicted, 'DisruptionTarget'), { ...expected, observedGeneration: 3 })
  assert.deepEqual(condition(podStatus(input({ verdict })), 'DisruptionTarget'), {})
})

test('a resize shows as pending, in progress or failed, and as nothing once it is done', () => {
  const before = { ...pod, status: podStatus(input({ resize: { pending: undefined, inProgress: { error: undefined } } })) }
  assert.deepEqual(condition(before.status, 'PodResizeInProgress'), {
    type: 'PodResizeInProgress',
    status: 'True',
    observedGeneration: 3,
  })
  const pending = { reason: 'Deferred' as const, message: 'later' }
  const both = podStatus(input({ pod: before, resize: { pending, inProgress: { error: 'no' } } }))
  assert.deepEqual(condition(both, 'PodResizePending'), {
    type: 'PodResizePending',
    status: 'True',
    ...pending,
    observedGeneration: 3,
  })
  assert.deepEqual(condition(both, 'PodResizeInProgress'), {
    type: 'PodResizeInProgress',
    status: 'True',
    reason: 'Error',
    message: 'no',
    observedGeneration: 3,
  })
  const done = podStatus(input({ pod: { ...pod, status: both } }))
  assert.deepEqual([condition(done, 'PodResizePending'), condition(done, 'PodResizeInProgress')], [{}, {}])
})
