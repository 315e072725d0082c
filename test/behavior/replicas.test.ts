import assert from 'node:assert/strict'
import {
  type DaemonSet,
  type Deployment,
  daemonSets,
  deployments,
  type Endpoints,
  endpointSlices,
  endpoints,
  type Pod,
  pods,
  type ReplicaSet,
  type ReplicationController,
  type ResourceDefinition,
  replicaSets,
  replicationControllers,
  resourceQuotas,
  services,
} from '#api'
import type { Client } from '#client'
import type { KubernetesObject } from '#meta'
import { behaviors } from './behavior.ts'
import { statusIsApart } from './operations.ts'
import { observe, until, untilList } from './waiting.ts'

const template = (app: string, image = 'web:1') => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'web', image }], terminationGracePeriodSeconds: 0 },
})

const replicaSet = (namespace: string, replicas: number, labels = {}): ReplicaSet => ({
  metadata: { name: 'set', namespace, labels },
  spec: { replicas, selector: { matchLabels: { app: 'set' } }, template: template('set') },
})

const controller = (namespace: string, replicas: number, labels = {}): ReplicationController => ({
  metadata: { name: 'rc', namespace, labels },
  spec: { replicas, selector: { app: 'rc' }, template: template('rc') },
})

const deployment = (namespace: string, replicas: number, more: Partial<NonNullable<Deployment['spec']>> = {}): Deployment => ({
  metadata: { name: 'deployment', namespace },
  spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: template('web'), ...more },
})

const daemonSet = (namespace: string, labels = {}): DaemonSet => ({
  metadata: { name: 'daemons', namespace, labels },
  spec: { selector: { matchLabels: { app: 'daemons' } }, template: template('daemons') },
})

interface Scale {
  readonly spec: { readonly replicas: number }
  readonly status: { readonly replicas: number; readonly selector?: string }
}

async function scaleOf(client: Client, resource: ResourceDefinition, namespace: string, name: string): Promise<Scale> {
  const group = resource.group === '' ? '/api/v1' : `/apis/${resource.group}/v1`
  const path = `${group}/namespaces/${namespace}/${resource.names.plural}/${name}/scale`
  const { body } = await client.request({ method: 'GET', path })
  return JSON.parse(Buffer.from(body.kind === 'bytes' ? body.bytes : []).toString()) as Scale
}

/** Read, replaced and patched, the number of replicas is one number behind two doors. */
async function scales<T extends KubernetesObject>(
  client: Client,
  resource: ResourceDefinition<T>,
  namespace: string,
  name: string,
): Promise<void> {
  const key = `${namespace}/${name}`
  const any = resource as unknown as ResourceDefinition
  const before = await scaleOf(client, any, namespace, name)
  assert.equal(before.spec.replicas, 1)
  await client.update(any, { ...(before as unknown as KubernetesObject), spec: { replicas: 2 } } as never, {
    subresource: 'scale',
  })
  const replicasOf = (each: KubernetesObject | undefined): number | undefined =>
    (each as { spec?: { replicas?: number } } | undefined)?.spec?.replicas
  assert.equal(replicasOf(await client.get(any, key)), 2)
  await client.patch(any, key, { spec: { replicas: 4 } }, { type: 'merge', subresource: 'scale' })
  assert.equal(replicasOf(await client.get(any, key)), 4)
  await until(client, any, key, (each) => (each as { status?: { replicas?: number } } | undefined)?.status?.replicas === 4)
  assert.deepEqual((await scaleOf(client, any, namespace, name)).status.replicas, 4)
}

const isReady = (count: number) => (each: { status?: { readyReplicas?: number } } | undefined) =>
  each?.status?.readyReplicas === count

/** A pod that was there is taken in; one that is relabelled is let go and replaced. */
async function adoptsAndReleases<T extends KubernetesObject>(
  client: Client,
  resource: ResourceDefinition<T>,
  owner: T,
  app: string,
): Promise<void> {
  const namespace = owner.metadata!.namespace!
  const spec = template(app).spec
  const orphan = await client.create(pods, { metadata: { name: 'orphan', namespace, labels: { app } }, spec })
  const { metadata } = await client.create(resource, owner)
  await until(client, pods, `${namespace}/orphan`, (each) =>
    Boolean(each?.metadata?.ownerReferences?.some(({ uid, controller: own }) => own && uid === metadata?.uid)),
  )
  const { items } = await client.list(pods, { namespace, labelSelector: `app=${app}` })
  assert.deepEqual(
    items.map(({ metadata: each }) => each?.uid),
    [orphan.metadata?.uid],
  )
  await client.patch(pods, `${namespace}/orphan`, { metadata: { labels: { app: 'not-matching' } } }, { type: 'strategic' })
  await until(client, pods, `${namespace}/orphan`, (each) => !each?.metadata?.ownerReferences?.length)
  await untilList(client, pods, { namespace, labelSelector: `app=${app}` }, (all) => all.length === 1)
}

const condition = { type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set from a test' }

behaviors('replicas', (behavior) => {
  behavior(
    '[sig-apps] ReplicaSet Replicaset should have a working scale subresource [Conformance]',
    async ({ client, namespace }) => {
      await client.create(replicaSets, replicaSet(namespace, 1))
      await until(client, replicaSets, `${namespace}/set`, isReady(1))
      await scales(client, replicaSets, namespace, 'set')
    },
  )

  behavior(
    '[sig-apps] ReplicaSet should adopt matching pods on creation and release no longer matching pods [Conformance]',
    async ({ client, namespace }) => {
      await adoptsAndReleases(client, replicaSets, replicaSet(namespace, 1), 'set')
    },
  )

  behavior(
    '[sig-apps] ReplicaSet should list and delete a collection of ReplicaSets [Conformance]',
    async ({ client, namespace }) => {
      const selection = { namespace, labelSelector: `sets=${namespace}` }
      await client.create(replicaSets, replicaSet(namespace, 3, { sets: namespace }))
      await until(client, replicaSets, `${namespace}/set`, isReady(3))
      assert.equal((await client.list(replicaSets, { labelSelector: selection.labelSelector })).items.length, 1)
      await client.deleteCollection(replicaSets, selection)
      await untilList(client, replicaSets, selection, (items) => items.length === 0)
    },
  )

  behavior('[sig-apps] ReplicaSet should validate Replicaset Status endpoints [Conformance]', async (scene) => {
    const { client, namespace } = scene
    await client.create(replicaSets, replicaSet(namespace, 1))
    await until(client, replicaSets, `${namespace}/set`, isReady(1))
    await statusIsApart(scene, replicaSets, `${namespace}/set`, { conditions: [condition] })
  })

  behavior('[sig-apps] ReplicaSet Replace and Patch tests [Conformance]', async ({ client, namespace }) => {
    const key = `${namespace}/set`
    await client.create(replicaSets, replicaSet(namespace, 1))
    await until(client, replicaSets, key, isReady(1))
    await client.patch(replicaSets, key, { spec: { replicas: 2 } }, { type: 'merge' })
    const live = await until(client, replicaSets, key, isReady(2))
    assert.equal(live?.spec?.replicas, 2)
    const patch = {
      metadata: { labels: { 'test-rs': 'patched' } },
      spec: { replicas: 3, template: { spec: { containers: [{ name: 'web', image: 'web:2' }] } } },
    }
    await client.patch(replicaSets, key, patch, { type: 'strategic' })
    const patched = await until(client, replicaSets, key, isReady(3))
    assert.deepEqual(
      [patched?.metadata?.labels?.['test-rs'], patched?.spec?.template?.spec?.containers.map(({ image }) => image)],
      ['patched', ['web:2']],
    )
  })

  behavior(
    '[sig-apps] ReplicationController should get and update a ReplicationController scale [Conformance]',
    async ({ client, namespace }) => {
      await client.create(replicationControllers, controller(namespace, 1))
      await until(client, replicationControllers, `${namespace}/rc`, isReady(1))
      await scales(client, replicationControllers, namespace, 'rc')
    },
  )

  behavior(
    '[sig-apps] ReplicationController should adopt matching pods on creation [Conformance]',
    async ({ client, namespace }) => {
      await adoptsAndReleases(client, replicationControllers, controller(namespace, 1), 'rc')
    },
  )

  behavior(
    '[sig-apps] ReplicationController should release no longer matching pods [Conformance]',
    async ({ client, namespace }) => {
      await client.create(replicationControllers, controller(namespace, 1))
      const [first] = await untilList(client, pods, { namespace }, (items) => items.length === 1)
      const key = `${namespace}/${first?.metadata?.name}`
      await client.patch(pods, key, { metadata: { labels: { app: 'released' } } }, { type: 'strategic' })
      await until(client, pods, key, (each) => !each?.metadata?.ownerReferences?.length)
      await untilList(client, pods, { namespace, labelSelector: 'app=rc' }, (items) => items.length === 1)
    },
  )

  behavior(
    '[sig-apps] ReplicationController should surface a failure condition on a common issue like exceeded quota [Conformance]',
    async ({ client, namespace }) => {
      const key = `${namespace}/rc`
      await client.create(resourceQuotas, { metadata: { name: 'two', namespace }, spec: { hard: { pods: '2' } } })
      await until(client, resourceQuotas, `${namespace}/two`, (each) => each?.status?.hard?.['pods'] === '2')
      const failureOf = (each: ReplicationController | undefined) =>
        each?.status?.conditions?.find(({ type }) => type === 'ReplicaFailure')
      await client.create(replicationControllers, controller(namespace, 3))
      const failing = await until(client, replicationControllers, key, (each) => failureOf(each) !== undefined)
      assert.deepEqual([failureOf(failing)?.status, failureOf(failing)?.reason], ['True', 'FailedCreate'])
      assert.match(failureOf(failing)?.message ?? '', /exceeded quota: two, requested: pods=1, used: pods=2, limited: pods=2/)
      await client.patch(replicationControllers, key, { spec: { replicas: 2 } }, { type: 'merge' })
      await until(client, replicationControllers, key, (each) => each?.status?.replicas === 2 && failureOf(each) === undefined)
    },
  )

  behavior(
    '[sig-apps] ReplicationController should test the lifecycle of a ReplicationController [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      const key = `${namespace}/rc`
      const labels = { 'test-rc-static': namespace }
      await client.create(replicationControllers, controller(namespace, 1, labels))
      await until(client, replicationControllers, key, isReady(1))
      await client.patch(replicationControllers, key, { metadata: { labels: { 'test-rc': 'patched' } } }, { type: 'strategic' })
      await client.patch(replicationControllers, key, { spec: { replicas: 2 } }, { type: 'merge', subresource: 'scale' })
      await until(client, replicationControllers, key, isReady(2))
      const current = await client.get(replicationControllers, key)
      await client.update(replicationControllers, {
        ...current,
        metadata: { ...current.metadata, labels: { ...labels, updated: 'true' } },
      })
      await statusIsApart(scene, replicationControllers, key, { conditions: [condition] })
      const selection = { namespace, labelSelector: `test-rc-static=${namespace}` }
      assert.equal((await client.list(replicationControllers, { labelSelector: selection.labelSelector })).items.length, 1)
      await client.deleteCollection(replicationControllers, selection)
      await until(client, replicationControllers, key, (each) => each === undefined)
    },
  )

  behavior(
    '[sig-apps] Deployment Deployment should have a working scale subresource [Conformance]',
    async ({ client, namespace }) => {
      await client.create(deployments, deployment(namespace, 1))
      await until(client, deployments, `${namespace}/deployment`, isReady(1))
      await scales(client, deployments, namespace, 'deployment')
    },
  )

  behavior('[sig-apps] Deployment should validate Deployment Status endpoints [Conformance]', async (scene) => {
    const { client, namespace } = scene
    await client.create(deployments, deployment(namespace, 1))
    await until(client, deployments, `${namespace}/deployment`, isReady(1))
    await statusIsApart(scene, deployments, `${namespace}/deployment`, { conditions: [condition] })
  })

  behavior(
    '[sig-apps] Deployment RollingUpdateDeployment should delete old pods and create new ones [Conformance]',
    async ({ client, namespace }) => {
      // A set that is there already is the deployment's old one.
      await client.create(replicaSets, {
        ...replicaSet(namespace, 1, { app: 'web' }),
        spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template: template('web', 'web:0') },
      })
      await until(client, replicaSets, `${namespace}/set`, isReady(1))
      const created = await client.create(deployments, deployment(namespace, 1))
      await until(
        client,
        deployments,
        `${namespace}/deployment`,
        (each) => each?.status?.updatedReplicas === 1 && each.status.replicas === 1,
      )
      const [running] = await untilList(client, pods, { namespace }, (items) => items.length === 1)
      assert.equal(running?.spec?.containers[0]?.image, 'web:1')
      const old = await client.get(replicaSets, `${namespace}/set`)
      assert.deepEqual([old.spec?.replicas, old.metadata?.ownerReferences?.[0]?.uid], [0, created.metadata?.uid])
    },
  )

  behavior(
    '[sig-apps] Deployment RecreateDeployment should delete old pods and create new ones [Conformance]',
    async ({ client, namespace }) => {
      const key = `${namespace}/deployment`
      // They take a moment to end.
      const lifecycle = { preStop: { sleep: { seconds: 1 } } }
      const spec = { containers: [{ name: 'web', image: 'web:1', lifecycle }], terminationGracePeriodSeconds: 5 }
      const slow = { ...template('web'), spec }
      await client.create(deployments, deployment(namespace, 2, { strategy: { type: 'Recreate' }, template: slow }))
      await until(client, deployments, key, isReady(2))
      const { items, metadata } = await client.list(pods, { namespace })
      const old = new Set(items.map(({ metadata: each }) => each?.uid))
      assert.equal(old.size, 2)
      await using events = observe(client, pods, { namespace, resourceVersion: metadata.resourceVersion! })
      const next = { spec: { containers: [{ name: 'web', image: 'web:2' }] } }
      await client.patch(deployments, key, { spec: { template: next } }, { type: 'strategic' })
      // No new one comes while an old one may still run.
      await events.next(({ type, object }) => {
        const { metadata: changed, status } = object as Pod
        if (type === 'DELETED' || ['Succeeded', 'Failed'].includes(status?.phase ?? '')) old.delete(changed?.uid)
        return type === 'ADDED'
      })
      assert.equal(old.size, 0)
      await until(client, deployments, key, (each) => each?.status?.updatedReplicas === 2 && each.status.readyReplicas === 2)
      const news = (await client.list(pods, { namespace })).items.filter(({ status }) => status?.phase === 'Running')
      assert.deepEqual(
        news.map(({ spec }) => spec?.containers[0]?.image),
        ['web:2', 'web:2'],
      )
    },
  )

  behavior('[sig-apps] Deployment deployment should delete old replica sets [Conformance]', async ({ client, namespace }) => {
    const key = `${namespace}/deployment`
    await client.create(deployments, deployment(namespace, 1, { revisionHistoryLimit: 0 }))
    await until(client, deployments, key, isReady(1))
    await client.patch(deployments, key, { spec: { template: template('web', 'web:2') } }, { type: 'strategic' })
    const [only] = await untilList(
      client,
      replicaSets,
      { namespace },
      (items) => items.length === 1 && items[0]?.spec?.template?.spec?.containers[0]?.image === 'web:2',
    )
    assert.ok(only)
  })

  behavior('[sig-apps] Daemon set [Serial] should run and stop simple daemon [Conformance]', async ({ client, namespace }) => {
    await client.create(daemonSets, daemonSet(namespace))
    const running = await until(client, daemonSets, `${namespace}/daemons`, (each) => each?.status?.numberReady === 2)
    assert.equal(running?.status?.desiredNumberScheduled, 2)
    const items = await untilList(client, pods, { namespace }, (all) => all.length === 2)
    assert.equal(new Set(items.map(({ spec }) => spec?.nodeName)).size, 2)
    // One that is stopped comes back on its node.
    const [first] = items
    await client.delete(pods, `${namespace}/${first?.metadata?.name}`)
    await untilList(
      client,
      pods,
      { namespace },
      (all) => all.length === 2 && !all.some(({ metadata }) => metadata?.uid === first?.metadata?.uid),
    )
  })

  behavior(
    '[sig-apps] Daemon set [Serial] should list and delete a collection of DaemonSets [Conformance]',
    async ({ client, namespace }) => {
      const selection = { namespace, labelSelector: `daemons=${namespace}` }
      await client.create(daemonSets, daemonSet(namespace, { daemons: namespace }))
      await until(client, daemonSets, `${namespace}/daemons`, (each) => each?.status?.numberReady === 2)
      assert.equal((await client.list(daemonSets, { labelSelector: selection.labelSelector })).items.length, 1)
      await client.deleteCollection(daemonSets, selection)
      await untilList(client, daemonSets, selection, (items) => items.length === 0)
    },
  )

  behavior('[sig-apps] Daemon set [Serial] should verify changes to a daemon set status [Conformance]', async (scene) => {
    const { client, namespace } = scene
    await client.create(daemonSets, daemonSet(namespace))
    await until(client, daemonSets, `${namespace}/daemons`, (each) => each?.status?.numberReady === 2)
    await statusIsApart(scene, daemonSets, `${namespace}/daemons`, { conditions: [condition] })
  })

  behavior(
    '[sig-network] EndpointsController should create Endpoints for Pods matching a Service [Conformance]',
    async ({ client, namespace }) => {
      const key = `${namespace}/set`
      const ports = [
        { name: 'http', port: 80, targetPort: 8080 },
        { name: 'tls', port: 443, targetPort: 8443 },
      ]
      await client.create(services, { metadata: { name: 'set', namespace }, spec: { selector: { app: 'set' }, ports } })
      const seen = (each: Endpoints | undefined) => ({
        pods: each?.subsets?.flatMap(({ addresses = [] }) => addresses.map(({ targetRef }) => targetRef?.name)).sort() ?? [],
        ports: each?.subsets?.[0]?.ports?.map(({ name, port }) => `${name}:${port}`).sort() ?? [],
      })
      await client.create(replicaSets, replicaSet(namespace, 2))
      await until(client, replicaSets, key, isReady(2))
      const names = (await client.list(pods, { namespace })).items.map(({ metadata }) => metadata?.name).sort()
      const told = await until(client, endpoints, key, (each) => seen(each).pods.length === 2)
      assert.deepEqual(seen(told), { pods: names, ports: ['http:8080', 'tls:8443'] })
      // A pod that is let go is no endpoint any more, and its replacement becomes one.
      await client.patch(pods, `${namespace}/${names[0]}`, { metadata: { labels: { app: 'other' } } }, { type: 'strategic' })
      const again = await until(
        client,
        endpoints,
        key,
        (each) => seen(each).pods.length === 2 && !seen(each).pods.includes(names[0]),
      )
      assert.ok(seen(again).pods.includes(names[1]))
      await client.delete(services, key)
      await until(client, endpoints, key, (each) => each === undefined)
    },
  )

  behavior(
    '[sig-network] EndpointSlice should create Endpoints and EndpointSlices for Pods matching a Service [Conformance]',
    async ({ client, namespace }) => {
      await client.create(replicaSets, replicaSet(namespace, 2))
      await client.create(services, {
        metadata: { name: 'set', namespace },
        spec: { selector: { app: 'set' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
      })
      await until(client, replicaSets, `${namespace}/set`, isReady(2))
      const addresses = (await client.list(pods, { namespace })).items.map(({ status }) => status?.podIP).sort()
      const told = await until(client, endpoints, `${namespace}/set`, (each) => each?.subsets?.[0]?.addresses?.length === 2)
      assert.deepEqual(told?.subsets?.[0]?.addresses?.map(({ ip }) => ip).sort(), addresses)
      assert.deepEqual(
        told?.subsets?.[0]?.ports?.map(({ name, port }) => [name, port]),
        [['http', 8080]],
      )
      const slices = await untilList(
        client,
        endpointSlices,
        { namespace, labelSelector: 'kubernetes.io/service-name=set' },
        (items) => items.some(({ endpoints: each = [] }) => each.filter(({ conditions }) => conditions?.ready).length === 2),
      )
      assert.deepEqual(
        slices.flatMap(({ endpoints: each = [] }) => each.flatMap((endpoint) => endpoint.addresses)).sort(),
        addresses,
      )
    },
  )
})
