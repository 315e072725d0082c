import assert from 'node:assert/strict'
import test from 'node:test'
import { seededRandom } from '#base'
import { feasibleNodesWanted } from './cycle.ts'
import { makeNode, makePod, SmallCluster } from './fixtures.ts'
import { Heap } from './heap.ts'

const requested = (cluster: SmallCluster, node: string): number | undefined => cluster.cache.get(node)?.requested.get('cpu')

test('an assumed pod counts until it is forgotten or confirmed', () => {
  const cluster = new SmallCluster([makeNode({ name: 'node-1' }), makeNode({ name: 'node-2' })])
  const { cache } = cluster
  const pod = makePod({ name: 'a', requests: { cpu: '1' } })
  cache.assume(pod, 'node-1')
  assert.equal(requested(cluster, 'node-1'), 1000)
  cache.forget(pod)
  assert.equal(requested(cluster, 'node-1'), 0)
  cache.assume(pod, 'node-1')
  // The server has the last word.
  cache.setPod(makePod({ name: 'a', requests: { cpu: '1' }, on: 'node-2' }))
  assert.deepEqual([requested(cluster, 'node-1'), requested(cluster, 'node-2')], [0, 1000])
  cache.forget(pod)
  assert.equal(requested(cluster, 'node-2'), 1000)
})

test('pods may come before their node and stay after it', () => {
  const { cache } = new SmallCluster([])
  const pod = makePod({ name: 'a', requests: { cpu: '1' }, on: 'node-1' })
  cache.setPod(pod)
  assert.equal(cache.nodes.length, 0)
  cache.setNode(makeNode({ name: 'node-1' }))
  assert.equal(cache.get('node-1')?.pods.size, 1)
  cache.removeNode('node-1')
  assert.equal(cache.get('node-1'), undefined)
  cache.setNode(makeNode({ name: 'node-1' }))
  assert.equal(cache.get('node-1')?.pods.size, 1)
  cache.removePod(pod)
  assert.equal(cache.get('node-1')?.pods.size, 0)
})

test('nodes come zone by zone in turn', () => {
  const zone = (name: string): { name: string; labels: Record<string, string> } => ({
    name,
    labels: { 'topology.kubernetes.io/zone': name[0]! },
  })
  const { cache } = new SmallCluster(['a1', 'a2', 'a3', 'b1', 'c1', 'c2'].map((name) => makeNode(zone(name))))
  assert.deepEqual(
    cache.nodes.map(({ name }) => name),
    ['a1', 'b1', 'c1', 'a2', 'c2', 'a3'],
  )
})

test('small clusters are searched whole, large ones in part', () => {
  assert.deepEqual([10, 99, 100, 500, 1000, 5000, 10_000].map(feasibleNodesWanted), [10, 99, 100, 230, 420, 500, 500])
})

test('a heap gives back its items in order, whatever was removed in between', () => {
  const random = seededRandom(7)
  const heap = new Heap<{ key: string; value: number }>(
    ({ key }) => key,
    (a, b) => a.value < b.value,
  )
  const kept = new Map<string, number>()
  for (let round = 0; round < 2_000; round++) {
    const key = `k${random.int(200)}`
    if (random.int(3) === 0) {
      assert.equal(heap.delete(key)?.value, kept.get(key))
      kept.delete(key)
      continue
    }
    const value = random.int(1_000)
    kept.set(key, value)
    heap.set({ key, value })
  }
  const order: number[] = []
  for (let item = heap.pop(); item !== undefined; item = heap.pop()) order.push(item.value)
  assert.deepEqual(
    order,
    [...kept.values()].sort((a, b) => a - b),
  )
})
