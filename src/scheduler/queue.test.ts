import assert from 'node:assert/strict'
import test from 'node:test'
import { nodes, type Pod, pods } from '#api'
import { settle, VirtualClock } from '#base'
import { makeNode, makePod } from './fixtures.ts'
import { defaultPlugins } from './plugins/index.ts'
import { type ClusterEvent, type Outcome, type QueuedPod, SchedulingQueue, UNSCHEDULABLE_MAX_MS } from './queue.ts'

const signal = new AbortController().signal
const rejectedBy = (...plugins: string[]): Outcome => ({ kind: 'rejected', by: new Set(plugins) })
const nodeAdded: ClusterEvent = { resource: nodes, change: { after: makeNode({ name: 'node-1' }) } }
const podGone: ClusterEvent = {
  resource: pods,
  change: { before: makePod({ name: 'gone', on: 'node-1', requests: { cpu: '1' } }) },
}

function setUp(): { readonly clock: VirtualClock; readonly queue: SchedulingQueue; readonly next: () => Promise<string> } {
  const clock = new VirtualClock()
  const queue = new SchedulingQueue({ clock, plugins: defaultPlugins })
  const next = async (): Promise<string> => (await queue.pop(signal)).pod.metadata!.name!
  return { clock, queue, next }
}

/** Pops without waiting. */
async function now(queue: SchedulingQueue): Promise<QueuedPod | undefined> {
  const cancel = new AbortController()
  const popped = queue.pop(cancel.signal).catch(() => undefined)
  await settle()
  cancel.abort()
  return popped
}

test('pods come by priority, then by age', async () => {
  const { clock, queue, next } = setUp()
  using _ = queue
  queue.add(makePod({ name: 'a' }))
  await clock.advance(1)
  queue.add(makePod({ name: 'b' }))
  queue.add(makePod({ name: 'urgent', priority: 10 }))
  assert.deepEqual([await next(), await next(), await next()], ['urgent', 'a', 'b'])
})

test('a waiting pop gets the next pod that comes, and an aborted one rejects', async () => {
  const { queue, next } = setUp()
  using _ = queue
  const popped = next()
  await settle()
  queue.add(makePod({ name: 'a' }))
  assert.equal(await popped, 'a')
  await assert.rejects(queue.pop(AbortSignal.abort(new Error('enough'))), /enough/)
})

test('a rejected pod comes back only for an event that the rejecting plugin cares about', async () => {
  const { queue } = setUp()
  using _ = queue
  queue.add(makePod({ name: 'a', requests: { cpu: '1' } }))
  const entry = await queue.pop(signal)
  queue.putBack(entry, rejectedBy('NodeAffinity'))
  queue.move(podGone)
  assert.equal(await now(queue), undefined)
  queue.move(nodeAdded)
  assert.equal((await now(queue))?.pod.metadata?.name, 'a')
})

test('an event during the attempt is not lost', async () => {
  const { queue } = setUp()
  using _ = queue
  queue.add(makePod({ name: 'a', requests: { cpu: '1' } }))
  const entry = await queue.pop(signal)
  queue.move(podGone)
  queue.putBack(entry, rejectedBy('NodeResourcesFit'))
  assert.deepEqual(queue.sizes, { active: 0, backoff: 1, unschedulable: 0, inFlight: 0 })
  // Events from before the attempt do not count again.
  const again = await queue.pop(signal)
  queue.putBack(again, rejectedBy('NodeResourcesFit'))
  assert.equal(queue.sizes.unschedulable, 1)
})

test('with nothing better to do a pod is tried before its back-off ends; after an error it waits', async () => {
  const { clock, queue } = setUp()
  using _ = queue
  queue.add(makePod({ name: 'a', requests: { cpu: '1' } }))
  for (const waitMs of [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
    queue.putBack(await queue.pop(signal), { kind: 'error' })
    await clock.advance(waitMs - 1)
    assert.equal(await now(queue), undefined, `before ${waitMs} ms`)
    await clock.advance(1)
    assert.equal(queue.sizes.active, 1)
  }
  const entry = await queue.pop(signal)
  queue.putBack(entry, rejectedBy('NodeResourcesFit'))
  queue.move(podGone)
  assert.equal(queue.sizes.backoff, 1)
  assert.equal(await now(queue), entry)
})

test('a pod that no event helped is tried again after five minutes', async () => {
  const { clock, queue } = setUp()
  using _ = queue
  queue.add(makePod({ name: 'a' }))
  queue.putBack(await queue.pop(signal), rejectedBy('NodeAffinity'))
  await clock.advance(UNSCHEDULABLE_MAX_MS - 1)
  assert.equal(await now(queue), undefined)
  await clock.advance(1)
  assert.equal((await now(queue))?.attempts, 2)
})

test('a gated pod enters when its last gate is removed', async () => {
  const { queue, next } = setUp()
  using _ = queue
  const gated = makePod({ name: 'a', schedulingGates: [{ name: 'example.com/wait' }] })
  queue.add(gated)
  queue.move(nodeAdded)
  assert.equal(await now(queue), undefined)
  queue.update(gated, makePod({ name: 'a' }))
  assert.equal(await next(), 'a')
})

test('a pod’s own change brings it back if it answers the rejection', async () => {
  const { queue } = setUp()
  using _ = queue
  const before = makePod({ name: 'a' })
  queue.add(before)
  queue.putBack(await queue.pop(signal), rejectedBy('TaintToleration'))
  const after: Pod = { ...before, spec: { ...before.spec!, tolerations: [{ operator: 'Exists' }] } }
  queue.update(before, after, { resource: pods, change: { before, after } })
  assert.equal((await now(queue))?.pod, after)
})

test('a pod that changes during its attempt is tried as it is now, one deleted is gone', async () => {
  const { queue } = setUp()
  using _ = queue
  const before = makePod({ name: 'a' })
  queue.add(before)
  const entry = await queue.pop(signal)
  const after: Pod = { ...before, metadata: { ...before.metadata, labels: { x: 'y' } } }
  queue.update(before, after)
  queue.putBack(entry, { kind: 'error' })
  assert.equal(queue.sizes.backoff, 1)
  assert.equal(entry.pod, after)
  queue.delete(after)
  assert.deepEqual(queue.sizes, { active: 0, backoff: 0, unschedulable: 0, inFlight: 0 })
})

test('a disposed queue leaves no timer', async () => {
  const { clock, queue } = setUp()
  for (const name of ['a', 'b']) queue.add(makePod({ name }))
  queue.putBack(await queue.pop(signal), rejectedBy('NodeAffinity'))
  queue.putBack(await queue.pop(signal), { kind: 'error' })
  assert.equal(clock.pendingTimers, 2)
  queue[Symbol.dispose]()
  assert.equal(clock.pendingTimers, 0)
})
