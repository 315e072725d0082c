import assert from 'node:assert/strict'
import test from 'node:test'
import { type APIService, apiServices, configMaps, namespaces, type Pod, pods } from '#api'
import { crdOf, establish, startTestCluster, type TestCluster, TRANSPORTS } from '#testing'

const pod = (graceSeconds: number, finalizers: string[] = []): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'work', finalizers },
  spec: { nodeName: 'somewhere', terminationGracePeriodSeconds: graceSeconds, containers: [{ name: 'a', image: 'a' }] },
})

async function conditions({ client }: TestCluster): Promise<Record<string, string>> {
  const { status } = await client.get(namespaces, 'work')
  return Object.fromEntries(
    (status?.conditions ?? [])
      .filter(({ status: is }) => is === 'True')
      .map(({ type, reason, message }) => [type, `${reason}: ${message}`]),
  )
}

for (const transport of Object.keys(TRANSPORTS)) {
  const behaviour = (name: string, body: (cluster: TestCluster) => Promise<void>): void => {
    test(`${transport}: ${name}`, async () => {
      await using cluster = await startTestCluster({ transport })
      const { client, clock } = cluster
      await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'work' } })
      await clock.advance(100)
      await body(cluster)
    })
  }

  behaviour('a namespace that is deleted keeps all else until its pods are gone', async (cluster) => {
    const { client, clock } = cluster
    await client.create(pods, pod(30))
    await client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'work' } })
    await client.delete(namespaces, 'work')
    await clock.advance(1_000)
    assert.ok(await client.find(configMaps, 'work/settings'))
    assert.deepEqual(await conditions(cluster), {
      NamespaceContentRemaining: 'SomeResourcesRemain: Some resources are remaining: pods. has 1 resource instances',
    })
    await client.delete(pods, 'work/web', { gracePeriodSeconds: 0 })
    await clock.advance(0)
    assert.equal(await client.find(configMaps, 'work/settings'), undefined)
    assert.equal(await client.find(namespaces, 'work'), undefined)
  })

  behaviour('custom objects go with their namespace', async (cluster) => {
    const { client, clock } = cluster
    const [widgets] = await establish(client, crdOf())
    for (const namespace of ['work', 'default'])
      await client.create(widgets!, { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'a', namespace } })
    await client.delete(namespaces, 'work')
    await clock.advance(1_000)
    assert.equal(await client.find(namespaces, 'work'), undefined)
    assert.deepEqual(
      (await client.list(widgets!)).items.map(({ metadata }) => metadata?.namespace),
      ['default'],
    )
  })

  behaviour('a namespace stays while nobody knows what an extension API server has in it', async (cluster) => {
    const { client, clock } = cluster
    const service = { namespace: 'default', name: 'gone' }
    const spec = { group: 'wardle.example.com', version: 'v1', groupPriorityMinimum: 1000, versionPriority: 15, service }
    await client.create(apiServices, { metadata: { name: 'v1.wardle.example.com' }, spec } as APIService)
    await client.delete(namespaces, 'work')
    await clock.advance(1_000)
    const told = await conditions(cluster)
    assert.match(
      told['NamespaceDeletionDiscoveryFailure'] ?? '',
      /^DiscoveryFailed: Discovery failed for some groups, 1 failing: .*wardle.example.com\/v1: /,
    )
    await client.delete(apiServices, 'v1.wardle.example.com')
    await clock.advance(60_000)
    assert.equal(await client.find(namespaces, 'work'), undefined)
  })

  behaviour('a namespace tells which finalizers hold its content, and goes when they are removed', async (cluster) => {
    const { client, clock } = cluster
    const held = { name: 'held', namespace: 'work', finalizers: ['test/b', 'test/a'] }
    await client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: held })
    await client.delete(namespaces, 'work')
    await clock.advance(1_000)
    assert.deepEqual(await conditions(cluster), {
      NamespaceContentRemaining: 'SomeResourcesRemain: Some resources are remaining: configmaps. has 1 resource instances',
      NamespaceFinalizersRemaining:
        'SomeFinalizersRemain: Some content in the namespace has finalizers remaining: test/a in 1 resource instances, test/b in 1 resource instances',
    })
    await client.patch(configMaps, 'work/held', { metadata: { finalizers: null } }, { type: 'merge' })
    // Half of the fifteen seconds that finalizers are given, and one.
    await clock.advance(8_000)
    assert.equal(await client.find(namespaces, 'work'), undefined)
  })
}
