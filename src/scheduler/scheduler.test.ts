import assert from 'node:assert/strict'
import test from 'node:test'
import { type Node, nodes, type Pod, persistentVolumeClaims, pods, type ResourceDefinition, storageClasses } from '#api'
import { nullLog, seededRandom, settle, VirtualClock } from '#base'
import type { Client, EventSink } from '#client'
import { failure, type KubernetesObject, notFound } from '#meta'
import { Shelves } from '#testing'
import { makeNode, makePod } from './fixtures.ts'
import { startScheduler } from './scheduler.ts'

/** The part of an API server that a scheduler talks to. */
class Api implements EventSink {
  readonly shelves = new Shelves()
  readonly pods = this.shelves.for(pods)
  readonly nodes = this.shelves.for(nodes)
  readonly events: string[] = []
  readonly patches: unknown[] = []
  /** Thrown by the next binding, once. */
  failBinding: Error | undefined
  readonly client: Client

  constructor() {
    // Only the calls a scheduler makes exist; any other is a mistake and fails loudly.
    this.client = {
      createSubresource: async (_resource: unknown, key: string, subresource: string, body: { target: { name: string } }) => {
        assert.equal(subresource, 'binding')
        return this.#bind(key, body.target.name)
      },
      patch: async (_resource: unknown, key: string, patch: { status: Pod['status'] }, options: { subresource: string }) => {
        assert.equal(options.subresource, 'status')
        return this.#patch(key, patch.status!)
      },
      delete: async (_resource: unknown, key: string) => this.pods.delete(key),
      update: async (resource: ResourceDefinition, object: KubernetesObject) => this.shelves.for(resource).set(object),
    } as unknown as Client
  }

  event(object: KubernetesObject, type: string, reason: string, message: string): void {
    this.events.push(`${object.metadata?.name} ${type} ${reason}: ${message}`)
  }

  pod(name: string): Pod | undefined {
    return this.pods.get(`default/${name}`)
  }

  placement(): Record<string, string | undefined> {
    return Object.fromEntries(this.pods.list().map(({ metadata, spec }) => [metadata!.name!, spec?.nodeName]))
  }

  async #bind(key: string, nodeName: string): Promise<object> {
    await new Promise((resolve) => setImmediate(resolve))
    const error = this.failBinding
    this.failBinding = undefined
    if (error !== undefined) throw error
    const pod = this.pods.get(key)
    if (pod === undefined) throw notFound(pods, key)
    assert.equal(pod.spec?.nodeName, undefined, 'bound once')
    this.pods.set({ ...pod, spec: { ...pod.spec!, nodeName } })
    return {}
  }

  #patch(key: string, status: NonNullable<Pod['status']>): Pod {
    const pod = this.pods.get(key)
    if (pod === undefined) throw notFound(pods, key)
    this.patches.push(status)
    const changed = status.conditions ?? []
    const kept = (pod.status?.conditions ?? []).filter(({ type }) => !changed.some((condition) => condition.type === type))
    return this.pods.set({ ...pod, status: { ...pod.status, ...status, conditions: [...kept, ...changed] } })
  }
}

async function start(nodesIn: readonly Node[] = []) {
  const api = new Api()
  for (const node of nodesIn) api.nodes.set(node)
  const clock = new VirtualClock()
  const random = seededRandom(1)
  const scheduler = await startScheduler({ client: api.client, clock, random, log: nullLog, sources: api.shelves, recorder: api })
  const dispose = async (): Promise<void> => {
    await scheduler[Symbol.asyncDispose]()
    assert.equal(clock.pendingTimers, 0, 'no timer is left')
  }
  return { api, clock, scheduler, settled: () => clock.advance(0), [Symbol.asyncDispose]: dispose }
}

const cpu = (amount: string) => ({ requests: { cpu: amount } })

test('a pod is bound, and an event says where', async () => {
  await using lab = await start([makeNode({ name: 'node-1' })])
  lab.api.pods.set(makePod({ name: 'web' }))
  await lab.settled()
  assert.deepEqual(lab.api.placement(), { web: 'node-1' })
  assert.deepEqual(lab.api.events, ['web Normal Scheduled: Successfully assigned default/web to node-1'])
})

test('pods of other schedulers are left alone', async () => {
  await using lab = await start([makeNode({ name: 'node-1' })])
  lab.api.pods.set(makePod({ name: 'other', schedulerName: 'mine' }))
  await lab.settled()
  assert.deepEqual(lab.api.placement(), { other: undefined })
})

test('a pod that fits nowhere says why, once, and is bound when a node comes', async () => {
  await using lab = await start([makeNode({ name: 'node-1', cpu: '1' })])
  lab.api.pods.set(makePod({ name: 'web', ...cpu('2') }))
  await lab.settled()
  const message =
    '0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.'
  assert.deepEqual(lab.api.events, [`web Warning FailedScheduling: ${message}`])
  const [condition] = lab.api.pod('web')!.status!.conditions!
  assert.deepEqual(
    [condition!.type, condition!.status, condition!.reason, condition!.message],
    ['PodScheduled', 'False', 'Unschedulable', message],
  )
  lab.api.nodes.set(makeNode({ name: 'node-2' }))
  await lab.settled()
  assert.equal(lab.api.pod('web')!.spec?.nodeName, 'node-2')
  assert.equal(lab.api.patches.length, 1)
})

test('pods never get more than a node has, however many come at once', async () => {
  await using lab = await start([makeNode({ name: 'node-1' }), makeNode({ name: 'node-2' })])
  for (let at = 0; at < 100; at++) lab.api.pods.set(makePod({ name: `p${at}`, ...cpu('500m') }))
  await lab.clock.advance(0)
  await settle()
  const placed = Object.values(lab.api.placement())
  assert.deepEqual(
    ['node-1', 'node-2', undefined].map((name) => placed.filter((on) => on === name).length),
    [8, 8, 84],
  )
  // Each that leaves makes room for one more.
  lab.api.pods.delete(`default/${Object.entries(lab.api.placement()).find(([, on]) => on === 'node-1')![0]}`)
  await lab.clock.advance(0)
  await settle()
  assert.equal(Object.values(lab.api.placement()).filter((on) => on === 'node-1').length, 8)
})

test('a pod comes back when its node’s taint is removed', async () => {
  const tainted = makeNode({ name: 'node-1', taints: [{ key: 'x', effect: 'NoSchedule' }] })
  await using lab = await start([tainted])
  lab.api.pods.set(makePod({ name: 'web' }))
  await lab.settled()
  assert.match(lab.api.events[0]!, /untolerated taint/)
  lab.api.nodes.set(makeNode({ name: 'node-1' }))
  await lab.settled()
  assert.deepEqual(lab.api.placement(), { web: 'node-1' })
})

test('a binding that fails is told, gives its room back and is tried again after a back-off', async () => {
  await using lab = await start([makeNode({ name: 'node-1', cpu: '1' })])
  lab.api.failBinding = failure(500, 'InternalError', 'storage is full')
  lab.api.pods.set(makePod({ name: 'web', ...cpu('1') }))
  await lab.settled()
  assert.deepEqual(lab.api.events, ['web Warning FailedScheduling: running Bind plugin "DefaultBinder": storage is full'])
  assert.equal(lab.api.pod('web')!.status!.conditions![0]!.reason, 'SchedulerError')
  await lab.clock.advance(999)
  assert.deepEqual(lab.api.placement(), { web: undefined })
  await lab.clock.advance(1)
  assert.deepEqual(lab.api.placement(), { web: 'node-1' })
})

test('a pod deleted while it is being bound leaves nothing behind', async () => {
  await using lab = await start([makeNode({ name: 'node-1', cpu: '1' })])
  lab.api.pods.set(makePod({ name: 'web', ...cpu('1') }))
  await Promise.resolve()
  lab.api.pods.delete('default/web')
  lab.api.pods.set(makePod({ name: 'next', ...cpu('1') }))
  await lab.settled()
  assert.deepEqual(lab.api.placement(), { next: 'node-1' })
  assert.deepEqual(lab.scheduler.queue.sizes, { active: 0, backoff: 0, unschedulable: 0, inFlight: 0 })
})

test('an important pod evicts a lesser one, with a condition and an event, and takes its place', async () => {
  await using lab = await start([makeNode({ name: 'node-1', cpu: '1' })])
  lab.api.pods.set(makePod({ name: 'low', ...cpu('1') }))
  await lab.settled()
  lab.api.pods.set(makePod({ name: 'high', ...cpu('1'), priority: 1000 }))
  await lab.settled()
  assert.deepEqual(lab.api.placement(), { high: 'node-1' })
  assert.ok(lab.api.events.includes('low Normal Preempted: Preempted by pod uid-default-high on node node-1'))
  assert.ok(lab.api.events.includes('high Warning FailedScheduling: 0/1 nodes are available: 1 Insufficient cpu.'))
  const disruption = lab.api.patches.map((status) => (status as NonNullable<Pod['status']>).conditions![0]!)
  assert.deepEqual(
    disruption.map(({ type, reason, message }) => [type, reason, message]),
    [
      ['PodScheduled', 'Unschedulable', '0/1 nodes are available: 1 Insufficient cpu.'],
      ['DisruptionTarget', 'PreemptionByScheduler', 'default-scheduler: preempting to accommodate a higher priority pod'],
    ],
  )
  assert.equal(lab.api.pod('high')!.status!.nominatedNodeName, 'node-1')
})

test('a pod that names a node by affinity waits for it', async () => {
  await using lab = await start([makeNode({ name: 'node-1' })])
  lab.api.pods.set(makePod({ name: 'web', nodeSelector: { disk: 'ssd' } }))
  await lab.settled()
  assert.deepEqual(lab.api.placement(), { web: undefined })
  lab.api.nodes.set(makeNode({ name: 'node-1', labels: { disk: 'ssd' } }))
  await lab.settled()
  assert.deepEqual(lab.api.placement(), { web: 'node-1' })
})

test('a pod waits for its volume to be made near the chosen node, and is bound then', async () => {
  await using lab = await start([makeNode({ name: 'node-1' })])
  const claims = lab.api.shelves.for(persistentVolumeClaims)
  const claim = {
    metadata: { namespace: 'default', name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'disk', resources: { requests: { storage: '1Gi' } } },
  }
  lab.api.pods.set(makePod({ name: 'db', volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] }))
  await lab.settled()
  assert.match(lab.api.events[0]!, /persistentvolumeclaim "data" not found/)
  lab.api.shelves.for(storageClasses).set({
    metadata: { name: 'disk' },
    provisioner: 'example.com/disk',
    volumeBindingMode: 'WaitForFirstConsumer',
  })
  claims.set(claim)
  await lab.settled()
  const selected = claims.get('default/data')!
  assert.equal(selected.metadata!.annotations!['volume.kubernetes.io/selected-node'], 'node-1')
  assert.deepEqual(lab.api.placement(), { db: undefined })
  const annotations = { ...selected.metadata!.annotations, 'pv.kubernetes.io/bind-completed': 'yes' }
  claims.set({ ...selected, metadata: { ...selected.metadata, annotations }, spec: { ...selected.spec!, volumeName: 'pv' } })
  await lab.settled()
  assert.deepEqual(lab.api.placement(), { db: 'node-1' })
})
