import assert from 'node:assert/strict'
import {
  configMaps,
  type Pod,
  pods,
  type ResourceDefinition,
  replicaSets,
  replicationControllers,
  resourceQuotas,
  secrets,
  services,
} from '#api'
import type { KubernetesObject } from '#meta'
import { behaviors, type Scene } from './behavior.ts'
import { refusal, until } from './waiting.ts'

type Amounts = Readonly<Record<string, string>>

/** Creates a quota and resolves with what is used of it once it has been counted. */
async function counted({ client, namespace }: Scene, name: string, hard: Amounts, scopes?: string[]): Promise<Amounts> {
  await client.create(resourceQuotas, { metadata: { name, namespace }, spec: { hard: { ...hard }, ...(scopes && { scopes }) } })
  const quota = await until(client, resourceQuotas, `${namespace}/${name}`, (each) =>
    Object.keys(hard).every((key) => each?.status?.used?.[key] !== undefined),
  )
  return quota!.status!.used!
}

const untilUsed = ({ client, namespace }: Scene, name: string, used: Amounts) =>
  until(client, resourceQuotas, `${namespace}/${name}`, (quota) =>
    Object.entries(used).every(([key, amount]) => quota?.status?.used?.[key] === amount),
  )

/** An object is counted when it is made, and no longer when it is gone. */
async function life<T extends KubernetesObject>(
  scene: Scene,
  resource: ResourceDefinition<T>,
  object: T,
  name: string,
): Promise<void> {
  const { client, namespace } = scene
  const before = await counted(scene, 'quota', { [name]: '20' })
  const made = await client.create(resource, { ...object, metadata: { ...object.metadata, namespace } })
  await untilUsed(scene, 'quota', { [name]: String(Number(before[name]) + 1) })
  await client.delete(resource, `${namespace}/${made.metadata!.name}`, { propagationPolicy: 'Background' })
  await untilUsed(scene, 'quota', before)
}

const podOf = ({ namespace }: Scene, name: string, resources: object, more: object = {}): Pod => ({
  metadata: { name, namespace },
  // Scheduled nowhere: what it asks for is what counts.
  spec: { containers: [{ name: 'main', image: 'pause:3', resources }], nodeSelector: { nowhere: 'true' }, ...more },
})

const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'main', image: 'pause:3' }] } }

behaviors('quota', (behavior) => {
  behavior(
    '[sig-api-machinery] ResourceQuota should create a ResourceQuota and ensure its status is promptly calculated. [Conformance]',
    async (scene) => {
      const used = await counted(scene, 'quota', { pods: '5', resourcequotas: '1', secrets: '10' })
      assert.deepEqual(used, { pods: '0', resourcequotas: '1', secrets: '0' })
    },
  )

  behavior(
    '[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a configMap. [Conformance]',
    (scene) => life(scene, configMaps, { metadata: { name: 'a' }, data: { a: 'b' } }, 'configmaps'),
  )

  behavior(
    '[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a secret. [Conformance]',
    (scene) => life(scene, secrets, { metadata: { name: 'a' }, stringData: { a: 'b' } }, 'secrets'),
  )

  behavior(
    '[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a replica set. [Conformance]',
    (scene) => {
      const spec = { replicas: 0, selector: { matchLabels: { app: 'a' } }, template }
      return life(scene, replicaSets, { metadata: { name: 'a' }, spec }, 'count/replicasets.apps')
    },
  )

  behavior(
    '[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a replication controller. [Conformance]',
    (scene) =>
      life(
        scene,
        replicationControllers,
        { metadata: { name: 'a' }, spec: { replicas: 0, selector: { app: 'a' }, template } },
        'replicationcontrollers',
      ),
  )

  behavior(
    '[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a service. [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      const none = { services: '0', 'services.nodeports': '0', 'services.loadbalancers': '0' }
      const hard = { services: '10', 'services.nodeports': '1', 'services.loadbalancers': '1' }
      assert.deepEqual(await counted(scene, 'quota', hard), none)
      const service = (name: string, type: string) => ({ metadata: { name, namespace }, spec: { type, ports: [{ port: 80 }] } })
      await client.create(services, service('plain', 'ClusterIP'))
      await client.create(services, service('node-port', 'NodePort'))
      await refusal(client.create(services, service('load-balancer', 'LoadBalancer')), 'Forbidden')
      await untilUsed(scene, 'quota', { services: '2', 'services.nodeports': '1', 'services.loadbalancers': '0' })
      for (const name of ['plain', 'node-port']) await client.delete(services, `${namespace}/${name}`)
      await untilUsed(scene, 'quota', none)
    },
  )

  behavior(
    '[sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a pod. [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      const gpu = 'requests.example.com/dongle'
      const hard = { pods: '5', cpu: '1', memory: '500Mi', 'requests.ephemeral-storage': '50Gi', [gpu]: '3' }
      const none = await counted(scene, 'quota', hard)
      const dongles = { 'example.com/dongle': '2' }
      const requests = { cpu: '500m', memory: '252Mi', 'ephemeral-storage': '30Gi', ...dongles }
      await client.create(pods, podOf(scene, 'fits', { requests, limits: dongles }))
      const used = { pods: '1', cpu: '500m', memory: '252Mi', 'requests.ephemeral-storage': '30Gi', [gpu]: '2' }
      await untilUsed(scene, 'quota', used)
      await refusal(client.create(pods, podOf(scene, 'too-much', { requests: { cpu: '600m', memory: '100Mi' } })), 'Forbidden')
      const more = { requests: { cpu: '10m', memory: '10Mi', ...dongles }, limits: dongles }
      await refusal(client.create(pods, podOf(scene, 'too-many', more)), 'Forbidden')
      const change = { spec: { containers: [{ name: 'main', resources: { requests: { cpu: '100m' } } }] } }
      await refusal(client.patch(pods, `${namespace}/fits`, change, { type: 'strategic' }), 'Invalid')
      await untilUsed(scene, 'quota', used)
      await client.delete(pods, `${namespace}/fits`, { gracePeriodSeconds: 0 })
      await untilUsed(scene, 'quota', none)
    },
  )

  behavior(
    '[sig-api-machinery] ResourceQuota should verify ResourceQuota with best effort scope. [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      await counted(scene, 'best', { pods: '5' }, ['BestEffort'])
      await counted(scene, 'not-best', { pods: '5' }, ['NotBestEffort'])
      await client.create(pods, podOf(scene, 'best', {}))
      await untilUsed(scene, 'best', { pods: '1' })
      await untilUsed(scene, 'not-best', { pods: '0' })
      await client.delete(pods, `${namespace}/best`, { gracePeriodSeconds: 0 })
      await untilUsed(scene, 'best', { pods: '0' })
      await client.create(pods, podOf(scene, 'not-best', { requests: { cpu: '100m' } }))
      await untilUsed(scene, 'not-best', { pods: '1' })
      await untilUsed(scene, 'best', { pods: '0' })
    },
  )

  behavior(
    '[sig-api-machinery] ResourceQuota should verify ResourceQuota with terminating scopes. [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      const hard = { pods: '5', 'requests.cpu': '1', 'limits.cpu': '2' }
      await counted(scene, 'ends', hard, ['Terminating'])
      await counted(scene, 'stays', hard, ['NotTerminating'])
      const resources = { requests: { cpu: '500m' }, limits: { cpu: '1' } }
      const used = { pods: '1', 'requests.cpu': '500m', 'limits.cpu': '1' }
      const none = { pods: '0', 'requests.cpu': '0', 'limits.cpu': '0' }
      await client.create(pods, podOf(scene, 'stays', resources))
      await untilUsed(scene, 'stays', used)
      await untilUsed(scene, 'ends', none)
      await client.delete(pods, `${namespace}/stays`, { gracePeriodSeconds: 0 })
      await untilUsed(scene, 'stays', none)
      await client.create(pods, podOf(scene, 'ends', resources, { activeDeadlineSeconds: 3600 }))
      await untilUsed(scene, 'ends', used)
      await untilUsed(scene, 'stays', none)
    },
  )

  behavior(
    '[sig-api-machinery] ResourceQuota should be able to update and delete ResourceQuota. [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      await counted(scene, 'quota', { cpu: '1', memory: '500Mi' })
      const key = `${namespace}/quota`
      const hard = { cpu: '2', memory: '1Gi' }
      const quota = await client.get(resourceQuotas, key)
      assert.deepEqual((await client.update(resourceQuotas, { ...quota, spec: { hard } })).spec?.hard, hard)
      await client.delete(resourceQuotas, key)
      await until(client, resourceQuotas, key, (each) => each === undefined)
    },
  )

  behavior(
    '[sig-api-machinery] ResourceQuota should manage the lifecycle of a ResourceQuota [Conformance]',
    async ({ client, namespace }) => {
      const labels = { behavior: namespace }
      await client.create(resourceQuotas, { metadata: { name: 'quota', namespace, labels }, spec: { hard: { cpu: '1' } } })
      const selection = { labelSelector: `behavior=${namespace}` }
      assert.equal((await client.list(resourceQuotas, selection)).items.length, 1)
      const patch = { metadata: { labels: { quota: 'patched' } }, spec: { hard: { memory: '750Mi' } } }
      const patched = await client.patch(resourceQuotas, `${namespace}/quota`, patch, { type: 'strategic' })
      assert.deepEqual(patched.spec?.hard, { cpu: '1', memory: '750Mi' })
      await client.deleteCollection(resourceQuotas, { namespace, labelSelector: 'quota=patched' })
      assert.deepEqual((await client.list(resourceQuotas, selection)).items, [])
    },
  )

  behavior('[sig-api-machinery] ResourceQuota should apply changes to a resourcequota status [Conformance]', async (scene) => {
    const { client, namespace } = scene
    const key = `${namespace}/quota`
    const hard = { cpu: '500m', memory: '500Mi' }
    await counted(scene, 'quota', hard)
    const wished = { cpu: '1', memory: '1Gi' }
    const body = { status: { hard: wished } }
    const patched = await client.patch(resourceQuotas, key, body, { type: 'merge', subresource: 'status' })
    assert.deepEqual([patched.status?.hard, patched.spec?.hard], [wished, hard])
    // The status follows the spec again, whoever wrote it.
    await until(client, resourceQuotas, key, (quota) => quota?.status?.hard?.['cpu'] === '500m')
    await client.patch(resourceQuotas, key, { spec: { hard: wished } }, { type: 'merge' })
    await until(client, resourceQuotas, key, (quota) => quota?.status?.hard?.['cpu'] === '1')
  })
})
