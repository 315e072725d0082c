import assert from 'node:assert/strict'
import {
  type Deployment,
  deployments,
  type Pod,
  pods,
  type ReplicationController,
  replicaSets,
  replicationControllers,
} from '#api'
import { behaviors } from './behavior.ts'
import { until, untilList } from './waiting.ts'

const template = (app: string) => ({ metadata: { labels: { app } }, spec: { containers: [{ name: 'main', image: 'pause:3' }] } })

const controller = (namespace: string, replicas: number): ReplicationController => ({
  metadata: { name: 'rc', namespace },
  spec: { replicas, selector: { app: 'rc' }, template: template('rc') },
})

const deployment = (namespace: string): Deployment => ({
  metadata: { name: 'deployment', namespace },
  spec: { replicas: 2, selector: { matchLabels: { app: 'deployment' } }, template: template('deployment') },
})

behaviors('garbage collection', (behavior) => {
  behavior(
    '[sig-api-machinery] Garbage collector should delete pods created by rc when not orphaning [Conformance]',
    async ({ client, namespace }) => {
      await client.create(replicationControllers, controller(namespace, 2))
      await untilList(client, pods, { namespace }, (items) => items.length === 2)
      await client.delete(replicationControllers, `${namespace}/rc`, { propagationPolicy: 'Background' })
      await untilList(client, pods, { namespace }, (items) => items.length === 0)
    },
  )

  behavior(
    '[sig-api-machinery] Garbage collector should orphan pods created by rc if delete options say so [Serial] [Conformance]',
    async ({ client, namespace }) => {
      const REPLICAS = 20
      await client.create(replicationControllers, controller(namespace, REPLICAS))
      await until(client, replicationControllers, `${namespace}/rc`, (each) => each?.status?.replicas === REPLICAS)
      await client.delete(replicationControllers, `${namespace}/rc`, { propagationPolicy: 'Orphan' })
      await until(client, replicationControllers, `${namespace}/rc`, (each) => each === undefined)
      const { items } = await client.list(pods, { namespace })
      assert.equal(items.length, REPLICAS)
      // Nothing is left of the owner, so nothing will come for them later either.
      assert.ok(items.every(({ metadata }) => !metadata?.ownerReferences?.length && metadata?.deletionTimestamp === undefined))
    },
  )

  behavior(
    '[sig-api-machinery] Garbage collector should delete RS created by deployment when not orphaning [Conformance]',
    async ({ client, namespace }) => {
      await client.create(deployments, deployment(namespace))
      await untilList(client, replicaSets, { namespace }, (items) => items.length === 1)
      await untilList(client, pods, { namespace }, (items) => items.length === 2)
      await client.delete(deployments, `${namespace}/deployment`, { propagationPolicy: 'Background' })
      await untilList(client, replicaSets, { namespace }, (items) => items.length === 0)
      await untilList(client, pods, { namespace }, (items) => items.length === 0)
    },
  )

  behavior(
    '[sig-api-machinery] Garbage collector should orphan RS created by deployment when deleteOptions.PropagationPolicy is Orphan [Conformance]',
    async ({ client, namespace }) => {
      await client.create(deployments, deployment(namespace))
      await untilList(client, replicaSets, { namespace }, (items) => items.length === 1)
      await client.delete(deployments, `${namespace}/deployment`, { propagationPolicy: 'Orphan' })
      await until(client, deployments, `${namespace}/deployment`, (each) => each === undefined)
      const { items } = await client.list(replicaSets, { namespace })
      assert.equal(items.length, 1)
      assert.deepEqual(items[0]?.metadata?.ownerReferences ?? [], [])
    },
  )

  behavior(
    '[sig-api-machinery] Garbage collector should keep the rc around until all its pods are deleted if the deleteOptions says so [Serial] [Conformance]',
    async ({ client, namespace }) => {
      await client.create(replicationControllers, controller(namespace, 10))
      await untilList(client, pods, { namespace }, (items) => items.length === 10)
      const waiting = await client.delete(replicationControllers, `${namespace}/rc`, { propagationPolicy: 'Foreground' })
      assert.deepEqual(waiting?.metadata?.finalizers, ['foregroundDeletion'])
      await until(client, replicationControllers, `${namespace}/rc`, (each) => each === undefined)
      // The owner was the last to go.
      assert.deepEqual((await client.list(pods, { namespace })).items, [])
    },
  )

  behavior(
    "[sig-api-machinery] Garbage collector should not delete dependents that have both valid owner and owner that's waiting for dependents to be deleted [Serial] [Conformance]",
    async ({ client, namespace }) => {
      const going = await client.create(replicationControllers, controller(namespace, 6))
      const staying = await client.create(replicationControllers, {
        metadata: { name: 'staying', namespace },
        spec: { replicas: 0, selector: { app: 'staying' }, template: template('staying') },
      })
      const created = await untilList(client, pods, { namespace }, (items) => items.length === 6)
      const half = created.slice(0, 3)
      const owner = { apiVersion: 'v1', kind: 'ReplicationController', name: 'staying', uid: staying.metadata!.uid! }
      for (const { metadata } of half) {
        await client.patch(
          pods,
          `${namespace}/${metadata!.name}`,
          { metadata: { ownerReferences: [owner] } },
          { type: 'strategic' },
        )
      }
      await client.delete(replicationControllers, `${namespace}/rc`, { propagationPolicy: 'Foreground' })
      await until(client, replicationControllers, `${namespace}/rc`, (each) => each === undefined)
      const left = await untilList(client, pods, { namespace }, (items) => items.length === 3)
      assert.deepEqual(left.map(({ metadata }) => metadata?.name).sort(), half.map(({ metadata }) => metadata?.name).sort())
      const owners = left.flatMap(({ metadata }) => metadata?.ownerReferences?.map(({ uid }) => uid) ?? [])
      assert.ok(!owners.includes(going.metadata!.uid!))
    },
  )

  behavior(
    '[sig-api-machinery] Garbage collector should not be blocked by dependency circle [Conformance]',
    async ({ client, namespace }) => {
      const make = (name: string): Pod => ({
        metadata: { name, namespace },
        spec: { ...template('circle').spec, nodeSelector: { nowhere: 'true' } },
      })
      const [one, two, three] = await Promise.all(['pod1', 'pod2', 'pod3'].map((name) => client.create(pods, make(name))))
      const own = async (pod: Pod, by: Pod): Promise<void> => {
        const owner = {
          apiVersion: 'v1',
          kind: 'Pod',
          name: by.metadata!.name!,
          uid: by.metadata!.uid!,
          controller: true,
          blockOwnerDeletion: true,
        }
        await client.patch(
          pods,
          `${namespace}/${pod.metadata!.name}`,
          { metadata: { ownerReferences: [owner] } },
          { type: 'strategic' },
        )
      }
      await own(one!, three!)
      await own(two!, one!)
      await own(three!, two!)
      await client.delete(pods, `${namespace}/pod1`, { propagationPolicy: 'Foreground' })
      await untilList(client, pods, { namespace }, (items) => items.length === 0)
    },
  )
})
