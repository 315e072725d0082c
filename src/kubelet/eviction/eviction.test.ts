import assert from 'node:assert/strict'
import test from 'node:test'
import type { Node, Pod } from '#api'
import { nullLog, VirtualClock } from '#base'
import type { EventSink } from '#client'
import { EvictionManager } from './eviction-manager.ts'
import { rankForEviction } from './ranking.ts'
import { crossed, type Observation, type SignalName } from './signals.ts'

const MI = 1024 * 1024
const pod = (name: string, request: string, more: object = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, uid: name },
  spec: { containers: [{ name: 'main', image: 'a', resources: { requests: { memory: request } } }], ...more },
})

function given(pods: Pod[], used: Record<string, number>) {
  const clock = new VirtualClock()
  const observations = new Map<SignalName, Observation>([
    ['memory.available', { available: 500 * MI, capacity: 1000 * MI }],
    ['nodefs.available', { available: 50 * MI, capacity: 100 * MI }],
  ])
  const events: string[] = []
  const recorder = {
    event: (_: unknown, type: string, reason: string, message: string) => events.push(`${type} ${reason} ${message}`),
  }
  const ended = new Map<string, unknown[]>()
  const state = { changes: 0, reclaim: () => {} }
  const manager = new EvictionManager({
    clock,
    log: nullLog,
    recorder: recorder as unknown as EventSink,
    node: () => ({ metadata: { name: 'node-1' } }) as Node,
    workers: pods.map((each) => ({ pod: each, giveUp: (...how: unknown[]) => void ended.set(each.metadata!.name!, how) })),
    observe: async () => new Map(observations),
    usage: ({ metadata }) => ({ used: used[metadata!.name!]!, containers: new Map([['main', used[metadata!.name!]!]]) }),
    reclaimDisk: async () => state.reclaim(),
    onChange: () => state.changes++,
  })
  return { clock, observations, events, ended, state, manager }
}

test('a threshold is a quantity or a part of the capacity, and what is not observed crosses none', () => {
  const seen = (signal: SignalName, available: number, capacity: number) =>
    crossed(new Map([[signal, { available, capacity }]])).map(({ condition }) => condition)
  assert.deepEqual(seen('memory.available', 100 * MI, 8000 * MI), [])
  assert.deepEqual(seen('memory.available', 100 * MI - 1, 8000 * MI), ['MemoryPressure'])
  assert.deepEqual(seen('nodefs.available', 10, 100), [])
  assert.deepEqual(seen('nodefs.available', 9, 100), ['DiskPressure'])
  assert.deepEqual(seen('imagefs.inodesFree', 4, 100), ['DiskPressure'])
})

test('who uses more than it asked for goes first, then the less important, then the greedier', () => {
  const named = (candidates: { pod: Pod }[]) => candidates.map(({ pod: { metadata } }) => metadata!.name)
  const candidate = (name: string, used: number, request: string, priority = 0) => ({
    pod: pod(name, request, { priority }),
    used: used * MI,
    containers: new Map(),
  })
  const all = [
    candidate('modest', 10, '100Mi', -5),
    candidate('important', 90, '10Mi', 9),
    candidate('greedy', 80, '10Mi'),
    candidate('greedier', 90, '10Mi'),
  ]
  assert.deepEqual(named(rankForEviction(all, 'memory')), ['greedier', 'greedy', 'important', 'modest'])
})

test('when memory runs out one pod is ended at a time, with a reason that names what used it', async () => {
  const critical = pod('critical', '0', { priority: 2_000_000_000 })
  const { manager, observations, events, ended, state, clock } = given([critical, pod('a', '200Mi'), pod('b', '100Mi')], {
    critical: 900 * MI,
    a: 150 * MI,
    b: 150 * MI,
  })
  await manager.look()
  assert.deepEqual([...ended.keys(), ...manager.conditions], [])
  observations.set('memory.available', { available: 64 * MI, capacity: 1000 * MI })
  await manager.look()
  const message =
    'The node was low on resource: memory. Threshold quantity: 100Mi, available: 64Mi. Container main was using 150Mi, request is 100Mi, has larger consumption of memory. '
  assert.deepEqual([...ended], [['b', ['Evicted', message, { graceSeconds: 1, isDisruption: true }]]])
  assert.deepEqual(events, ['Warning EvictionThresholdMet Attempting to reclaim memory', `Warning Evicted ${message}`])
  assert.deepEqual(manager.conditions, ['MemoryPressure'])
  observations.set('memory.available', { available: 500 * MI, capacity: 1000 * MI })
  await clock.advance(4 * 60_000)
  await manager.look()
  assert.deepEqual(manager.conditions, ['MemoryPressure'], 'it holds for five minutes')
  await clock.advance(60_000)
  await manager.look()
  assert.deepEqual([manager.conditions, state.changes], [[], 2])
})

test('a full disk costs no pod when images that nobody uses are enough', async () => {
  const { manager, observations, ended, state } = given([pod('a', '0')], { a: 5 * MI })
  observations.set('nodefs.available', { available: 5 * MI, capacity: 100 * MI })
  state.reclaim = () => observations.set('nodefs.available', { available: 50 * MI, capacity: 100 * MI })
  await manager.look()
  assert.equal(ended.size, 0)
  assert.deepEqual(manager.conditions, ['DiskPressure'])
  observations.set('nodefs.available', { available: 5 * MI, capacity: 100 * MI })
  state.reclaim = () => undefined as never
  await manager.look()
  assert.match(
    String(ended.get('a')![1]),
    /^The node was low on resource: ephemeral-storage\. Threshold quantity: 10Mi, available: 5Mi\. Container main was using 5Mi, request is 0, /,
  )
})
