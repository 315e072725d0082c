import assert from 'node:assert/strict'
import test from 'node:test'
import type { Pod, Taint } from '../generated/types.ts'
import { isPodAvailable, podLimits, podRequests, qosClass, shouldRestart, tolerates } from './pod-facts.ts'

const container = (name: string, requests?: object, limits?: object, more?: object) => ({
  name,
  resources: { ...(requests && { requests }), ...(limits && { limits }) },
  ...more,
})
const pod = (spec: object): Pod => ({ spec: { containers: [], ...spec } }) as Pod

test('requests are what runs together, or the hungriest moment before', () => {
  const spec = {
    initContainers: [
      container('setup', { cpu: '2' }),
      container('sidecar', { cpu: '100m', memory: '10Mi' }, undefined, { restartPolicy: 'Always' }),
      container('late', { cpu: '300m', memory: '1Gi' }),
    ],
    containers: [container('a', { cpu: '500m' }), container('b', { cpu: '500m' })],
    overhead: { cpu: '50m' },
  }
  assert.deepEqual(podRequests(pod(spec)), { cpu: '2050m', memory: '1034Mi' })
  assert.deepEqual(podLimits(pod(spec)), {})
  assert.deepEqual(podRequests(pod({ ...spec, resources: { requests: { cpu: '1' } } })), { cpu: '1050m', memory: '1034Mi' })
})

test('quality of service follows requests and limits', () => {
  const full = { cpu: '1', memory: '1Gi' }
  assert.equal(qosClass(pod({ containers: [container('a')] })), 'BestEffort')
  assert.equal(qosClass(pod({ containers: [container('a', { cpu: '0' })] })), 'BestEffort')
  assert.equal(qosClass(pod({ containers: [container('a', { cpu: '1' })] })), 'Burstable')
  assert.equal(qosClass(pod({ containers: [container('a', full, full)] })), 'Guaranteed')
  assert.equal(qosClass(pod({ containers: [container('a', { cpu: '1000m', memory: '1Gi' }, full)] })), 'Guaranteed')
  assert.equal(qosClass(pod({ containers: [container('a', full, full), container('b')] })), 'Burstable')
  assert.equal(qosClass(pod({ containers: [container('a')], resources: { limits: full, requests: full } })), 'Guaranteed')
})

test('availability needs an unbroken time of readiness', () => {
  const ready: Pod = { status: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] } }
  const start = Date.parse('2026-01-01T00:00:00Z')
  assert.equal(isPodAvailable(ready, 0, start), true)
  assert.equal(isPodAvailable(ready, 10, start + 9_000), false)
  assert.equal(isPodAvailable(ready, 10, start + 10_000), true)
  assert.equal(isPodAvailable({}, 0, start), false)
})

test('tolerations', () => {
  const taint: Taint = { key: 'k', value: '5', effect: 'NoSchedule' }
  assert.equal(tolerates({ operator: 'Exists' }, taint), true)
  assert.equal(tolerates({ key: 'k', value: '5' }, taint), true)
  assert.equal(tolerates({ key: 'k', value: '4' }, taint), false)
  assert.equal(tolerates({ key: 'k', operator: 'Exists', effect: 'NoExecute' }, taint), false)
  assert.equal(tolerates({ key: 'k', operator: 'Gt', value: '4' }, taint), true)
})

test('a container is started again by its rules, by its own policy, or by that of its pod', () => {
  const rule = (operator: string, ...values: number[]) => ({ action: 'Restart', exitCodes: { operator, values } })
  const again = (fields: object, policy: string, exitCode: number): boolean =>
    shouldRestart({ name: 'c', ...fields }, { containers: [], restartPolicy: policy }, exitCode)
  assert.deepEqual(
    [again({}, 'Always', 0), again({}, 'OnFailure', 0), again({}, 'OnFailure', 1), again({}, 'Never', 1)],
    [true, false, true, false],
  )
  assert.deepEqual(
    [again({ restartPolicy: 'Never' }, 'Always', 1), again({ restartPolicy: 'Always' }, 'Never', 0)],
    [false, true],
  )
  const ruled = { restartPolicy: 'Never', restartPolicyRules: [rule('In', 42), rule('NotIn', 1, 2)] }
  assert.deepEqual(
    [42, 3, 1].map((exitCode) => again(ruled, 'Never', exitCode)),
    [true, true, false],
  )
})
