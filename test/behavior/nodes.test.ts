import assert from 'node:assert/strict'
import { leases, nodes, type Pod, pods, runtimeClasses } from '#api'
import { behaviors } from './behavior.ts'
import { isDiscovered, supportsOperations } from './operations.ts'
import { refusal, until } from './waiting.ts'

const pod = (namespace: string, spec: Partial<NonNullable<Pod['spec']>>): Pod => ({
  metadata: { name: 'main', namespace },
  spec: { containers: [{ name: 'main', image: 'pause:3' }], ...spec },
})

behaviors('nodes', (behavior) => {
  behavior('[sig-node] Node Lifecycle should run through the lifecycle of a node [Conformance]', async (scene) => {
    const { client, namespace } = scene
    const key = `fake-${namespace}`
    const labels = { behavior: namespace }
    const created = await client.create(nodes, {
      metadata: { name: key, labels },
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True', message: 'Set from a test', reason: 'E2E' }],
      },
    })
    assert.equal(created.metadata?.name, key)
    assert.equal((await client.get(nodes, key)).metadata?.uid, created.metadata?.uid)
    const patched = await client.patch(nodes, key, { metadata: { labels: { 'fake-node': 'patched' } } }, { type: 'strategic' })
    assert.equal(patched.metadata?.labels?.['fake-node'], 'patched')
    const updated = await client.update(nodes, {
      ...patched,
      metadata: { ...patched.metadata, labels: { ...labels, 'fake-node': 'updated' } },
    })
    assert.equal(updated.metadata?.labels?.['fake-node'], 'updated')
    assert.equal((await client.list(nodes, { labelSelector: 'fake-node=updated' })).items.length, 1)
    const status = { conditions: [{ type: 'Behavior', status: 'True', reason: 'E2E', message: 'Set from a test' }] }
    const seen = await client.patch(nodes, key, { status }, { type: 'strategic', subresource: 'status' })
    assert.deepEqual(seen.status?.conditions?.map(({ type }) => type).sort(), ['Behavior', 'Ready'])
    await client.delete(nodes, key)
    await refusal(client.get(nodes, key), 'NotFound')
    // And by collection.
    await client.create(nodes, { metadata: { name: key, labels } })
    await client.deleteCollection(nodes, { labelSelector: `behavior=${namespace}` })
    await until(client, nodes, key, (each) => each === undefined)
  })

  behavior('[sig-node] Lease lease API should be available [Conformance]', async ({ client, namespace }) => {
    const key = `${namespace}/lease`
    const spec = {
      holderIdentity: 'holder',
      leaseDurationSeconds: 30,
      acquireTime: '2024-01-02T03:04:05.000000Z',
      renewTime: '2024-01-02T03:04:10.000000Z',
      leaseTransitions: 0,
    }
    const created = await client.create(leases, { metadata: { name: 'lease', namespace }, spec })
    assert.deepEqual((await client.get(leases, key)).spec, spec)
    const second = { ...spec, holderIdentity: 'holder2', leaseDurationSeconds: 35, leaseTransitions: 1 }
    await client.update(leases, { ...created, spec: second })
    assert.deepEqual((await client.get(leases, key)).spec, second)
    const third = {
      holderIdentity: 'holder3',
      leaseDurationSeconds: 40,
      leaseTransitions: 2,
      renewTime: '2024-01-02T03:05:10.000000Z',
    }
    await client.patch(leases, key, { spec: third }, { type: 'strategic' })
    assert.deepEqual((await client.get(leases, key)).spec, { ...spec, ...third })
    await client.create(leases, { metadata: { name: 'lease2', namespace, labels: { deletecollection: 'true' } }, spec })
    assert.equal((await client.list(leases, { namespace })).items.length, 2)
    await client.deleteCollection(leases, { namespace, labelSelector: 'deletecollection=true' })
    assert.equal((await client.list(leases, { namespace })).items.length, 1)
    await client.delete(leases, key)
    await refusal(client.get(leases, key), 'NotFound')
    assert.equal((await client.list(leases, { namespace })).items.length, 0)
  })

  behavior('[sig-node] RuntimeClass should support RuntimeClasses API operations [Conformance]', async (scene) => {
    await supportsOperations(scene, runtimeClasses, {
      make: (index) => ({ metadata: { name: `${scene.namespace}-${index}` }, handler: 'test-handler' }),
    })
  })

  const refused = async (scene: Parameters<Parameters<typeof behavior>[1]>[0], runtimeClassName: string): Promise<void> => {
    const { client, namespace } = scene
    const { message } = await refusal(client.create(pods, pod(namespace, { runtimeClassName })), 'Forbidden')
    assert.equal(message, `pods "main" is forbidden: pod rejected: RuntimeClass "${runtimeClassName}" not found`)
    assert.deepEqual((await client.list(pods, { namespace })).items, [])
  }

  behavior(
    '[sig-node] RuntimeClass should reject a Pod requesting a non-existent RuntimeClass [NodeConformance] [Conformance]',
    async (scene) => {
      await isDiscovered(scene, runtimeClasses, ['create'])
      await refused(scene, `${scene.namespace}-nonexistent`)
    },
  )

  behavior(
    '[sig-node] RuntimeClass should reject a Pod requesting a deleted RuntimeClass [NodeConformance] [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      const name = `${namespace}-deleted`
      await client.create(runtimeClasses, { metadata: { name }, handler: 'test-handler' })
      await client.delete(runtimeClasses, name)
      await until(client, runtimeClasses, name, (each) => each === undefined)
      await refused(scene, name)
    },
  )

  behavior(
    '[sig-node] RuntimeClass should schedule a Pod requesting a RuntimeClass without PodOverhead [NodeConformance] [Conformance]',
    async ({ client, namespace }) => {
      await client.create(runtimeClasses, { metadata: { name: namespace }, handler: 'runc' })
      await client.create(pods, pod(namespace, { runtimeClassName: namespace }))
      const bound = await until(client, pods, `${namespace}/main`, (each) => Boolean(each?.spec?.nodeName))
      assert.deepEqual([bound?.spec?.runtimeClassName, bound?.spec?.overhead], [namespace, undefined])
      await client.delete(runtimeClasses, namespace)
    },
  )

  behavior(
    '[sig-node] RuntimeClass should schedule a Pod requesting a RuntimeClass and initialize its Overhead [NodeConformance] [Conformance]',
    async ({ client, namespace }) => {
      const podFixed = { cpu: '10m', memory: '1Mi' }
      await client.create(runtimeClasses, { metadata: { name: namespace }, handler: 'runc', overhead: { podFixed } })
      const created = await client.create(pods, pod(namespace, { runtimeClassName: namespace }))
      assert.deepEqual(created.spec?.overhead, podFixed)
      await until(client, pods, `${namespace}/main`, (each) => Boolean(each?.spec?.nodeName))
      await client.delete(runtimeClasses, namespace)
    },
  )

  behavior(
    '[sig-node] Sysctls [LinuxOnly] [NodeConformance] should reject invalid sysctls [Conformance]',
    async ({ client, namespace }) => {
      const names = ['foo-', 'kernel.shmmax', 'safe-and-unsafe', 'bar..']
      const sysctls = names.map((name, index) => ({ name, value: String(index) }))
      const { status } = await refusal(client.create(pods, pod(namespace, { securityContext: { sysctls } })), 'Invalid')
      // What is well-formed is not named.
      assert.deepEqual(
        status.details?.causes?.map(({ field }) => field),
        ['spec.securityContext.sysctls[0].name', 'spec.securityContext.sysctls[3].name'],
      )
      assert.match(status.message!, /Invalid value: "foo-"/)
      assert.match(status.message!, /Invalid value: "bar\.\."/)
      assert.doesNotMatch(status.message!, /safe-and-unsafe|kernel.shmmax/)
    },
  )
})
