import assert from 'node:assert/strict'
import test from 'node:test'
import { type ConfigMap, clusterRoles, configMaps, customResourceDefinitions, events, namespaces } from '#api'
import type { KubernetesObject, OwnerReference } from '#meta'
import { crdOf, establish, startTestCluster, type TestCluster, TRANSPORTS } from '#testing'

const owner = ({ apiVersion, kind, metadata }: KubernetesObject, blockOwnerDeletion = true): OwnerReference => ({
  apiVersion: apiVersion ?? '',
  kind: kind ?? '',
  name: metadata?.name ?? '',
  uid: metadata?.uid ?? '',
  blockOwnerDeletion,
})

for (const transport of Object.keys(TRANSPORTS)) {
  const behaviour = (name: string, body: (tree: Tree) => Promise<void>): void => {
    test(`${transport}: ${name}`, async () => {
      await using cluster = await startTestCluster({ transport })
      await body(new Tree(cluster))
    })
  }

  behaviour('what nobody owns any more is deleted in the background, and so is what that owned', async (tree) => {
    const root = await tree.add('root')
    const child = await tree.add('child', [owner(root)])
    await tree.add('grandchild', [owner(child)])
    await tree.add('stranger')
    await tree.remove('root', 'Background')
    assert.deepEqual(await tree.names(), ['stranger'])
  })

  behaviour(
    'custom objects own and are owned like all others, as soon as their kind is defined and as long as it is',
    async (tree) => {
      const { client, clock } = tree.cluster
      const [widgets] = await establish(client, crdOf())
      const widget = (name: string, ownerReferences: OwnerReference[] = []): Promise<KubernetesObject> =>
        client.create(widgets!, {
          apiVersion: 'example.com/v1',
          kind: 'Widget',
          metadata: { name, namespace: 'default', ownerReferences },
        })
      await clock.advance(1_000)
      const root = await widget('root')
      const child = await tree.add('child', [owner(root)])
      await widget('grandchild', [owner(child)])
      await tree.add('stranger')
      await client.delete(widgets!, 'default/root', { propagationPolicy: 'Background' })
      await clock.advance(1_000)
      assert.deepEqual(await tree.names(), ['stranger'])
      assert.deepEqual((await client.list(widgets!)).items, [])

      const last = await widget('last')
      await tree.add('leaf', [owner(last)])
      await client.delete(widgets!, 'default/last', { propagationPolicy: 'Foreground' })
      await clock.advance(1_000)
      assert.deepEqual(await tree.names(), ['stranger'])
      await widget('remains')
      await client.delete(customResourceDefinitions, 'widgets.example.com')
      await clock.advance(60_000)
      assert.equal(await client.find(customResourceDefinitions, 'widgets.example.com'), undefined)
    },
  )

  behaviour('in the foreground an owner goes after those that block it, and waits for no others', async (tree) => {
    const root = await tree.add('root')
    const child = await tree.add('child', [owner(root)], ['test/hold'])
    await tree.add('grandchild', [owner(child)])
    await tree.add('loose', [owner(root, false)], ['test/hold'])
    await tree.remove('root', 'Foreground')
    assert.deepEqual(await tree.names(), ['child', 'loose', 'root'])
    assert.deepEqual((await tree.get('root'))?.metadata?.finalizers, ['foregroundDeletion'])
    await tree.free('child')
    assert.deepEqual(await tree.names(), ['loose'])
    await tree.free('loose')
    assert.deepEqual(await tree.names(), [])
  })

  behaviour('orphans lose the reference and stay', async (tree) => {
    const root = await tree.add('root')
    const other = await tree.add('other')
    await tree.add('child', [owner(root), owner(other)])
    await tree.remove('root', 'Orphan')
    assert.deepEqual(await tree.names(), ['child', 'other'])
    assert.deepEqual(
      (await tree.get('child'))?.metadata?.ownerReferences?.map(({ name }) => name),
      ['other'],
    )
  })

  behaviour('an object with another owner survives the deletion of one, also in the foreground', async (tree) => {
    const first = await tree.add('first')
    const second = await tree.add('second')
    await tree.add('child', [owner(first), owner(second)])
    await tree.remove('first', 'Foreground')
    assert.deepEqual(await tree.names(), ['child', 'second'])
    const child = await tree.get('child')
    assert.equal(child?.metadata?.deletionTimestamp, undefined)
    assert.deepEqual(
      child?.metadata?.ownerReferences?.map(({ name }) => name),
      ['second'],
    )
  })

  behaviour('a circle of owners does not block its deletion', async (tree) => {
    const one = await tree.add('one')
    const two = await tree.add('two', [owner(one)])
    const three = await tree.add('three', [owner(two)])
    await tree.cluster.client.patch(
      configMaps,
      'default/one',
      { metadata: { ownerReferences: [owner(three)] } },
      { type: 'merge' },
    )
    await tree.remove('one', 'Foreground')
    assert.deepEqual(await tree.names(), [])
  })

  behaviour('an owner that never was, or was another of that name, owns nothing', async (tree) => {
    const real = await tree.add('real')
    await tree.add('dangling', [{ ...owner(real), uid: 'a-uid-that-is-not-there' }])
    await tree.add('nameless', [{ ...owner(real), name: 'nobody', uid: 'another' }])
    await tree.add('fine', [owner(real)])
    await tree.settle()
    assert.deepEqual(await tree.names(), ['fine', 'real'])
  })

  behaviour('an owner in another namespace is none, and an event says so', async (tree) => {
    await tree.cluster.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } })
    const foreign = await tree.cluster.client.create(configMaps, configMap('foreign', 'other'))
    await tree.settle()
    const child = await tree.add('child', [owner(foreign)])
    await tree.settle()
    assert.deepEqual(await tree.names(), [])
    const { items } = await tree.cluster.client.list(events, { namespace: 'default' })
    const event = items.find(({ reason }) => reason === 'OwnerRefInvalidNamespace')
    assert.equal(event?.involvedObject.uid, child.metadata?.uid)
    const reference = `[v1/ConfigMap, namespace: default, name: foreign, uid: ${foreign.metadata?.uid}]`
    assert.equal(event?.message, `ownerRef ${reference} does not exist in namespace "default"`)
  })

  behaviour('what an owner of an unknown kind owns is left alone', async (tree) => {
    await tree.add('child', [{ apiVersion: 'example.com/v1', kind: 'Gadget', name: 'g', uid: 'u' }])
    await tree.settle()
    assert.deepEqual(await tree.names(), ['child'])
  })

  behaviour('a cluster-scoped object owns objects everywhere, and is owned by none inside a namespace', async (tree) => {
    const { client } = tree.cluster
    const role = (name: string, ownerReferences: OwnerReference[]) => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name, ownerReferences },
      rules: [],
    })
    const inside = await tree.add('inside')
    const root = await client.create(clusterRoles, role('test-root', []))
    await client.create(clusterRoles, role('test-strange', [owner(inside)]))
    await tree.add('child', [owner(root)])
    await tree.settle()
    assert.deepEqual(await tree.names(), ['child', 'inside'])
    await client.delete(clusterRoles, 'test-root')
    await tree.remove('inside', 'Background')
    assert.deepEqual(await tree.names(), [])
    assert.ok(await client.find(clusterRoles, 'test-strange'))
  })
}

const configMap = (
  name: string,
  namespace: string,
  ownerReferences: OwnerReference[] = [],
  finalizers: string[] = [],
): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, ownerReferences, finalizers },
})

/** Config maps that own each other. */
class Tree {
  readonly cluster: TestCluster

  constructor(cluster: TestCluster) {
    this.cluster = cluster
  }

  add(name: string, ownerReferences: OwnerReference[] = [], finalizers: string[] = []): Promise<ConfigMap> {
    return this.cluster.client.create(configMaps, configMap(name, 'default', ownerReferences, finalizers))
  }

  async remove(name: string, propagationPolicy: 'Foreground' | 'Background' | 'Orphan'): Promise<void> {
    await this.settle()
    await this.cluster.client.delete(configMaps, `default/${name}`, { propagationPolicy })
    await this.settle()
  }

  async free(name: string): Promise<void> {
    const live = await this.get(name)
    const finalizers = live?.metadata?.finalizers?.filter((each) => each !== 'test/hold') ?? []
    await this.cluster.client.patch(configMaps, `default/${name}`, { metadata: { finalizers } }, { type: 'merge' })
    await this.settle()
  }

  get = (name: string): Promise<ConfigMap | undefined> => this.cluster.client.find(configMaps, `default/${name}`)

  settle = (): Promise<void> => this.cluster.clock.advance(1_000)

  async names(): Promise<string[]> {
    const { items } = await this.cluster.client.list(configMaps, { namespace: 'default' })
    return items.map(({ metadata }) => metadata?.name ?? '').filter((name) => name !== 'kube-root-ca.crt')
  }
}
