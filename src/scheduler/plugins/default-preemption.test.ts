import assert from 'node:assert/strict'
import test from 'node:test'
import type { Pod, PodDisruptionBudget } from '#api'
import { makeNode, makePod, type PodInput, SmallCluster } from '../fixtures.ts'

const full = { cpu: '4' }
const half = { cpu: '2' }
const low = (name: string, on: string, extra: Partial<PodInput> = {}): Pod =>
  makePod({ name, on, requests: full, priority: 1, ...extra })
const important = (extra: Partial<PodInput> = {}): Pod => makePod({ name: 'p', requests: full, priority: 100, ...extra })
const nodes = ['node-1', 'node-2', 'node-3'].map((name) => makeNode({ name }))

test('the node with the least important victims gives way', () => {
  const placed = [
    low('a', 'node-1', { priority: 50 }),
    low('b', 'node-2', { priority: 10 }),
    low('c', 'node-3', { priority: 50 }),
  ]
  assert.equal(new SmallCluster(nodes, placed).place(important()), 'evicts b from node-2')
})

test('no more pods go than must, and the important stay', () => {
  const placed = [low('a', 'node-1', { requests: half, priority: 5 }), low('b', 'node-1', { requests: half, priority: 9 })]
  const cluster = new SmallCluster([makeNode({ name: 'node-1' })], placed)
  assert.equal(cluster.place(important({ requests: half })), 'evicts a from node-1')
})

test('a disruption budget is broken only when every choice breaks one', () => {
  const budget: PodDisruptionBudget = {
    metadata: { namespace: 'default', name: 'web' },
    spec: { selector: { matchLabels: { app: 'web' } } },
    status: { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
  }
  const lookups = { budgets: () => [budget] }
  const placed = [low('a', 'node-1', { labels: { app: 'web' } }), low('b', 'node-2', { priority: 50 })]
  assert.equal(new SmallCluster(nodes.slice(0, 2), placed, { lookups }).place(important()), 'evicts b from node-2')
  assert.equal(new SmallCluster(nodes.slice(0, 1), placed.slice(0, 1), { lookups }).place(important()), 'evicts a from node-1')
})

test('of equal victims the youngest go', () => {
  const started = (startTime: string) => ({ status: { startTime } })
  const placed = [low('a', 'node-1', started('2026-01-01T00:00:00Z')), low('b', 'node-2', started('2026-01-02T00:00:00Z'))]
  for (let round = 0; round < 4; round++)
    assert.equal(new SmallCluster(nodes.slice(0, 2), placed).place(important()), 'evicts b from node-2')
})

test('equal or higher priority is not evicted, and a pod may decline to evict', () => {
  const cluster = new SmallCluster(nodes.slice(0, 1), [low('a', 'node-1', { priority: 100 })])
  const shortage = '0/1 nodes are available: 1 Insufficient cpu.'
  assert.equal(
    cluster.place(important()),
    `${shortage} preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.`,
  )
  assert.equal(
    cluster.place(important({ priority: 200, preemptionPolicy: 'Never' })),
    `${shortage} preemption: not eligible due to preemptionPolicy=Never.`,
  )
})

test('while victims leave the nominated node no others are taken', () => {
  const leaving = low('a', 'node-1', {
    status: { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }] },
  })
  leaving.metadata!.deletionTimestamp = '2026-01-01T00:00:00Z'
  const cluster = new SmallCluster(nodes.slice(0, 2), [leaving, low('b', 'node-2')])
  assert.match(
    cluster.place(important({ status: { nominatedNodeName: 'node-1' } })),
    /preemption: not eligible due to a terminating pod on the nominated node\.$/,
  )
})

test('evicting those whose anti-affinity is in the way helps', () => {
  const zone = { zone: 'a' }
  const apart = {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', labelSelector: { matchLabels: { app: 'p' } } }],
    },
  }
  const cluster = new SmallCluster(
    [makeNode({ name: 'node-1', labels: zone })],
    [low('a', 'node-1', { requests: { cpu: '1' }, affinity: apart }), low('b', 'node-1', { requests: { cpu: '1' } })],
  )
  assert.equal(cluster.place(important({ requests: { cpu: '1' }, labels: { app: 'p' } })), 'evicts a from node-1')
})

test('room promised to one pod is not given to a lesser one, but to a greater one', () => {
  const cluster = new SmallCluster(nodes.slice(0, 1))
  cluster.nominations.set(makePod({ name: 'promised', requests: full, priority: 50 }), 'node-1')
  assert.match(cluster.place(important({ priority: 10 })), /^0\/1 nodes are available: 1 Insufficient cpu\./)
  assert.equal(cluster.place(important({ priority: 60 })), 'node-1')
})

test('a pod goes where room was made for it, though other nodes are emptier', () => {
  const cluster = new SmallCluster(nodes, [low('a', 'node-2', { requests: { cpu: '1' } })])
  const pod = important({ requests: { cpu: '1' } })
  cluster.nominations.set(pod, 'node-2')
  assert.equal(cluster.place(pod), 'node-2')
})
