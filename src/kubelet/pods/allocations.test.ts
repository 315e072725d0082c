import assert from 'node:assert/strict'
import test from 'node:test'
import type { Node, Pod } from '#api'
import { Allocations } from './allocations.ts'

const pod = (name: string, cpu: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, uid: name },
  spec: { containers: [{ name: 'main', image: 'a', resources: { requests: { cpu } } }] },
})

function given(...all: Pod[]) {
  const pods = new Map(all.map((each) => [each.metadata!.uid!, each]))
  const allocations = new Allocations({
    node: () => ({ status: { allocatable: { cpu: '4', memory: '8Gi' } } }) as unknown as Node,
    pods: () => pods.values(),
    podDirectory: () => '',
  })
  for (const each of all) allocations.grant(each)
  const ask = (name: string, cpu: string) => {
    pods.set(name, pod(name, cpu))
    const { pod: granted, pending } = allocations.grant(pod(name, cpu))
    return { cpu: granted.spec!.containers[0]!.resources?.requests?.['cpu'], pending }
  }
  return { allocations, ask }
}

test('a resize is granted when it fits, deferred when others are in the way, and infeasible when no node like this one could', () => {
  const { allocations, ask } = given(pod('a', '1'), pod('b', '2'))
  assert.deepEqual(ask('a', '2'), { cpu: '2', pending: undefined })
  assert.deepEqual(ask('a', '3'), {
    cpu: '2',
    pending: {
      reason: 'Deferred',
      message: "Node didn't have enough resource: cpu, requested: 3000, used: 2000, capacity: 4000",
    },
  })
  assert.deepEqual([...allocations.deferred], ['a'])
  assert.deepEqual(ask('a', '5'), {
    cpu: '2',
    pending: { reason: 'Infeasible', message: "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000" },
  })
  assert.deepEqual([...allocations.deferred], [])
})

test('what a pod asks for in vain is not counted against the others', () => {
  const { ask } = given(pod('a', '1'), pod('b', '1'))
  assert.equal(ask('a', '4').pending?.reason, 'Deferred')
  assert.deepEqual(ask('b', '3'), { cpu: '3', pending: undefined })
  // Asking for what it has ends the wait.
  assert.deepEqual(ask('a', '1000m'), { cpu: '1000m', pending: undefined })
})
