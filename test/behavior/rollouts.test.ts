import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import {
  controllerRevisions,
  type DaemonSet,
  type Deployment,
  daemonSets,
  deployments,
  nodes,
  type Pod,
  pods,
  type ReplicaSet,
  replicaSets,
} from '#api'
import { behaviors, type Scene } from './behavior.ts'
import { observe, until, untilList } from './waiting.ts'

const HASH = 'controller-revision-hash'
const REVISION = 'deployment.kubernetes.io/revision'
const WORKS = 'pause:3'
/** No image of this name is anywhere; nodes that only play are told that it does not start. */
const BROKEN = 'foo:non-existent'

const template = (image: string) => ({
  metadata: {
    labels: { app: 'rolled' },
    ...(image === BROKEN && { annotations: { 't8s.dev/simulate': JSON.stringify({ '*': { startError: 'no such image' } }) } }),
  },
  spec: { containers: [{ name: 'app', image }], terminationGracePeriodSeconds: 0 },
})

const daemonSet = (namespace: string, more: Partial<NonNullable<DaemonSet['spec']>> = {}): DaemonSet => ({
  metadata: { name: 'daemons', namespace },
  spec: { selector: { matchLabels: { app: 'rolled' } }, template: template(WORKS), ...more },
})

const deployment = (namespace: string, image: string, more: Partial<NonNullable<Deployment['spec']>> = {}): Deployment => ({
  metadata: { name: 'rolling', namespace },
  spec: { selector: { matchLabels: { app: 'rolled' } }, template: template(image), ...more },
})

/** The template's change of image alone, as a merge patch. */
const imageChange = (image: string) => ({
  spec: {
    template: {
      metadata: { annotations: { 't8s.dev/simulate': template(image).metadata.annotations?.['t8s.dev/simulate'] ?? null } },
      spec: template(image).spec,
    },
  },
})

const imageOf = ({ spec }: Pod | (NonNullable<ReplicaSet['spec']>['template'] & object)): string | undefined =>
  spec?.containers[0]?.image
const uidsOf = (items: readonly Pod[]): (string | undefined)[] => items.map(({ metadata }) => metadata?.uid).sort()
const isAlive = ({ metadata }: Pod): boolean => metadata?.deletionTimestamp === undefined

/** The nodes on which a daemon is ready, once they are these. */
const untilOn = ({ client, namespace }: Scene, expected: readonly string[]) =>
  untilList(client, pods, { namespace }, (items) =>
    isDeepStrictEqual(items.map(({ spec }) => spec?.nodeName).sort(), [...expected].sort()),
  )

async function ready({ client, namespace }: Scene, spec: Partial<NonNullable<DaemonSet['spec']>> = {}): Promise<readonly Pod[]> {
  await client.create(daemonSets, daemonSet(namespace, spec))
  await until(client, daemonSets, `${namespace}/daemons`, (each) => {
    const { desiredNumberScheduled = 0, numberAvailable = 0 } = each?.status ?? {}
    return desiredNumberScheduled > 0 && numberAvailable === desiredNumberScheduled
  })
  return (await client.list(pods, { namespace })).items
}

behaviors('rollouts', (behavior) => {
  behavior('[sig-apps] Daemon set [Serial] should retry creating failed daemon pods [Conformance]', async (scene) => {
    const { client, namespace } = scene
    const first = await ready(scene)
    const [victim] = first
    const key = `${namespace}/${victim?.metadata?.name}`
    await client.patch(pods, key, { status: { phase: 'Failed' } }, { type: 'merge', subresource: 'status' })
    await until(client, pods, key, (each) => each === undefined)
    const again = await untilList(client, pods, { namespace }, (items) => items.length === first.length && items.every(isAlive))
    assert.equal(uidsOf(again).filter((uid) => !uidsOf(first).includes(uid)).length, 1)
    assert.deepEqual(new Set(again.map(({ spec }) => spec?.nodeName)), new Set(first.map(({ spec }) => spec?.nodeName)))
  })

  behavior('[sig-apps] Daemon set [Serial] should run and stop complex daemon [Conformance]', async (scene) => {
    const { client, namespace } = scene
    const label = `daemonset-color-${namespace}`
    await client.create(daemonSets, {
      ...daemonSet(namespace),
      spec: {
        ...daemonSet(namespace).spec!,
        template: { ...template(WORKS), spec: { ...template(WORKS).spec, nodeSelector: { [label]: 'blue' } } },
      },
    })
    const key = `${namespace}/daemons`
    await until(client, daemonSets, key, (each) => each?.status?.observedGeneration === 1)
    assert.deepEqual((await client.list(pods, { namespace })).items, [])
    const node = (await client.list(nodes)).items[0]!.metadata!.name!
    const paint = (color: string | null) =>
      client.patch(nodes, node, { metadata: { labels: { [label]: color } } }, { type: 'merge' })
    try {
      await paint('blue')
      await untilOn(scene, [node])
      await paint('green')
      await untilOn(scene, [])
      const nodeSelector = { [label]: 'green' }
      const patch = { spec: { updateStrategy: { type: 'RollingUpdate' }, template: { spec: { nodeSelector } } } }
      await client.patch(daemonSets, key, patch, { type: 'merge' })
      await untilOn(scene, [node])
    } finally {
      await paint(null)
    }
  })

  behavior(
    '[sig-apps] Daemon set [Serial] should update pod when spec was updated and update strategy is RollingUpdate [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      const first = await ready(scene, { updateStrategy: { type: 'RollingUpdate' } })
      const revisionsOf = async () => {
        const { items } = await client.list(controllerRevisions, { namespace, labelSelector: 'app=rolled' })
        return items.toSorted((a, b) => a.revision - b.revision)
      }
      const [before, ...others] = await revisionsOf()
      assert.deepEqual([before?.revision, others], [1, []])
      assert.ok(first.every(({ metadata }) => metadata?.labels?.[HASH] === before?.metadata?.labels?.[HASH]))
      await client.patch(daemonSets, `${namespace}/daemons`, imageChange('pause:4'), { type: 'merge' })
      const updated = await untilList(
        client,
        pods,
        { namespace },
        (items) => items.length === first.length && items.every((each) => isAlive(each) && imageOf(each) === 'pause:4'),
      )
      const after = await revisionsOf()
      assert.deepEqual(
        after.map(({ revision }) => revision),
        [1, 2],
      )
      assert.ok(updated.every(({ metadata }) => metadata?.labels?.[HASH] === after[1]?.metadata?.labels?.[HASH]))
    },
  )

  behavior('[sig-apps] Daemon set [Serial] should rollback without unnecessary restarts [Conformance]', async (scene) => {
    const { client, namespace } = scene
    const key = `${namespace}/daemons`
    const first = await ready(scene, { updateStrategy: { type: 'RollingUpdate' } })
    assert.ok(first.length > 1, 'the target needs two schedulable nodes')
    await client.patch(daemonSets, key, imageChange(BROKEN), { type: 'merge' })
    const stuck = await untilList(client, pods, { namespace }, (items) =>
      items.some((each) => isAlive(each) && imageOf(each) === BROKEN),
    )
    const kept = stuck.filter((each) => isAlive(each) && imageOf(each) === WORKS)
    assert.equal(kept.length, first.length - 1, 'a broken update stops at the pods that may be unavailable')
    await client.patch(daemonSets, key, imageChange(WORKS), { type: 'merge' })
    const back = await untilList(
      client,
      pods,
      { namespace },
      (items) => items.length === first.length && items.every((each) => isAlive(each) && imageOf(each) === WORKS),
    )
    assert.deepEqual(
      uidsOf(kept).filter((uid) => !uidsOf(back).includes(uid)),
      [],
    )
  })

  behavior('[sig-apps] Deployment deployment should support rollover [Conformance]', async (scene) => {
    const { client, namespace } = scene
    const key = `${namespace}/rolling`
    // A set that is there already, another that never gets going, and the one that takes their place.
    const old = {
      metadata: { name: 'old', namespace, labels: { app: 'rolled' } },
      spec: { ...deployment(namespace, WORKS).spec!, replicas: 1 },
    }
    await client.create(replicaSets, old as ReplicaSet)
    await until(client, replicaSets, `${namespace}/old`, (each) => each?.status?.readyReplicas === 1)
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }
    await client.create(deployments, deployment(namespace, BROKEN, { replicas: 1, strategy }))
    const isOwn = ({ metadata }: ReplicaSet): boolean => metadata?.annotations?.[REVISION] === '1'
    await untilList(client, replicaSets, { namespace }, (items) =>
      items.some((each) => isOwn(each) && each.status?.replicas === 1),
    )
    await client.patch(deployments, key, imageChange('pause:4'), { type: 'merge' })
    await until(
      client,
      deployments,
      key,
      (each) => each?.status?.updatedReplicas === 1 && each.status.replicas === 1 && each.status.availableReplicas === 1,
    )
    const sets = await untilList(
      client,
      replicaSets,
      { namespace },
      (items) => items.filter(({ status }) => status?.replicas).length === 1,
    )
    assert.deepEqual(sets.map(({ spec }) => [imageOf(spec!.template!), spec?.replicas]).sort(), [
      [BROKEN, 0],
      [WORKS, 0],
      ['pause:4', 1],
    ])
  })

  behavior('[sig-apps] Deployment deployment should support proportional scaling [Conformance]', async (scene) => {
    const { client, namespace } = scene
    const key = `${namespace}/rolling`
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } }
    await client.create(deployments, deployment(namespace, WORKS, { replicas: 10, strategy }))
    await until(client, deployments, key, (each) => each?.status?.availableReplicas === 10)
    await client.patch(deployments, key, imageChange(BROKEN), { type: 'merge' })
    const untilSizes = (working: number, broken: number) =>
      untilList(client, replicaSets, { namespace }, (items) => {
        const sizes = items.map(({ spec, status }) => [imageOf(spec!.template!), spec?.replicas, status?.replicas])
        return isDeepStrictEqual(sizes.sort(), [
          [BROKEN, broken, broken],
          [WORKS, working, working],
        ])
      })
    await untilSizes(8, 5)
    await client.patch(deployments, key, { spec: { replicas: 30 } }, { type: 'merge' })
    await untilSizes(20, 13)
  })

  behavior('[sig-apps] Deployment should run the lifecycle of a Deployment [Conformance]', async (scene) => {
    const { client, namespace } = scene
    const key = `${namespace}/rolling`
    const labels = { 'test-deployment-static': namespace }
    const selection = { labelSelector: `test-deployment-static=${namespace}` }
    const { metadata } = await client.list(deployments, { namespace })
    await using events = observe(client, deployments, { namespace, ...selection, resourceVersion: metadata.resourceVersion! })
    const isReady = (count: number) => (each: Deployment | undefined) =>
      each?.status?.readyReplicas === count && each.status.replicas === count
    const wanted = deployment(namespace, WORKS, { replicas: 2 })
    await client.create(deployments, { ...wanted, metadata: { ...wanted.metadata, labels } })
    await events.next(({ type }) => type === 'ADDED')
    await until(client, deployments, key, isReady(2))
    const patch = { metadata: { labels: { 'test-deployment': 'patched' } }, spec: { replicas: 1, template: template('pause:4') } }
    await client.patch(deployments, key, patch, { type: 'strategic' })
    await events.next(({ type, object }) => type === 'MODIFIED' && object.metadata?.labels?.['test-deployment'] === 'patched')
    const patched = await until(client, deployments, key, (each) => isReady(1)(each) && each?.status?.updatedReplicas === 1)
    assert.equal(patched?.spec?.template.spec?.containers[0]?.image, 'pause:4')
    const [listed, ...others] = (await client.list(deployments, selection)).items
    assert.deepEqual([listed?.metadata?.uid, others], [patched?.metadata?.uid, []])
    await client.patch(deployments, key, { spec: { replicas: 2 } }, { type: 'merge', subresource: 'scale' })
    await until(client, deployments, key, isReady(2))
    const status = { metadata: { annotations: { seen: 'yes' } }, status: { readyReplicas: 0, availableReplicas: 0 } }
    await client.patch(deployments, key, status, { type: 'merge', subresource: 'status' })
    // What is no longer so is put right.
    await until(client, deployments, key, (each) => isReady(2)(each) && each?.metadata?.annotations?.['seen'] === 'yes')
    await client.deleteCollection(deployments, { namespace, ...selection })
    await events.next(({ type }) => type === 'DELETED')
    await untilList(client, pods, { namespace }, (items) => items.length === 0)
  })
})
