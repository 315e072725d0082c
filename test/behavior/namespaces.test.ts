import assert from 'node:assert/strict'
import { configMaps, type Namespace, namespaces, pods, serviceAccounts, services } from '#api'
import { behaviors, type Scene } from './behavior.ts'
import { refusal, until } from './waiting.ts'

/** A second namespace, named after the test's own. */
const another = ({ client, namespace }: Scene, labels = {}): Promise<Namespace> =>
  client.create(namespaces, { metadata: { name: `${namespace}-other`, labels } })

behaviors('namespaces', (behavior) => {
  behavior('[sig-api-machinery] Namespaces [Serial] should patch a Namespace [Conformance]', async (scene) => {
    const { client } = scene
    const name = (await another(scene)).metadata!.name!
    await client.patch(namespaces, name, { metadata: { labels: { testLabel: 'testValue' } } }, { type: 'strategic' })
    assert.equal((await client.get(namespaces, name)).metadata?.labels?.['testLabel'], 'testValue')
    await client.delete(namespaces, name)
  })

  behavior(
    '[sig-api-machinery] Namespaces [Serial] should apply an update to a Namespace [Conformance]',
    async ({ client, namespace }) => {
      const current = await client.get(namespaces, namespace)
      const labels = { ...current.metadata?.labels, [namespace]: 'updated' }
      const updated = await client.update(namespaces, { ...current, metadata: { ...current.metadata, labels } })
      assert.equal(updated.metadata?.labels?.[namespace], 'updated')
      assert.equal(updated.metadata?.labels?.['kubernetes.io/metadata.name'], namespace)
    },
  )

  behavior(
    '[sig-api-machinery] Namespaces [Serial] should apply changes to a namespace status [Conformance]',
    async ({ client, namespace }) => {
      const condition = { type: 'StatusPatch', status: 'True' as const, reason: 'E2E', message: 'Patched by a test' }
      const patched = await client.patch(
        namespaces,
        namespace,
        { metadata: { annotations: { 'patched-status': 'true' } }, status: { conditions: [condition] } },
        { type: 'merge', subresource: 'status' },
      )
      assert.equal(patched.metadata?.annotations?.['patched-status'], 'true')
      assert.deepEqual(patched.status?.conditions, [condition])
      const second = { ...condition, type: 'StatusUpdate' }
      const updated = await client.updateStatus(namespaces, {
        ...patched,
        status: { ...patched.status, conditions: [condition, second] },
      })
      assert.deepEqual([updated.status?.phase, updated.status?.conditions?.length], ['Active', 2])
    },
  )

  behavior('[sig-api-machinery] Namespaces [Serial] should apply a finalizer to a Namespace [Conformance]', async (scene) => {
    const { client } = scene
    const name = (await another(scene)).metadata!.name!
    const finalizer = 'e2e.example.com/fakeFinalizer'
    const finalize = async (finalizers: string[]): Promise<Namespace> => {
      const current = await client.get(namespaces, name)
      const { body } = await client.request({
        method: 'PUT',
        path: `/api/v1/namespaces/${name}/finalize`,
        headers: { 'content-type': 'application/json' },
        body: { kind: 'object', object: { ...current, spec: { finalizers } } },
      })
      return JSON.parse(Buffer.from(body.kind === 'bytes' ? body.bytes : []).toString()) as Namespace
    }
    const held = await finalize(['kubernetes', finalizer])
    assert.deepEqual(held.spec?.finalizers, ['kubernetes', finalizer])
    await client.delete(namespaces, name)
    // Emptied, but not gone while somebody has work left.
    const emptied = await until(client, namespaces, name, (each) => each?.spec?.finalizers?.length === 1)
    assert.deepEqual([emptied?.spec?.finalizers, emptied?.status?.phase], [[finalizer], 'Terminating'])
    const late = client.create(configMaps, { metadata: { name: 'late', namespace: name } })
    assert.match((await refusal(late, 'Forbidden')).message, /because it is being terminated/)
    await finalize([])
    await until(client, namespaces, name, (each) => each === undefined)
  })

  behavior(
    '[sig-api-machinery] Namespaces [Serial] should ensure that all services are removed when a namespace is deleted [Conformance]',
    async (scene) => {
      const { client } = scene
      const name = (await another(scene)).metadata!.name!
      const service = {
        metadata: { name: 'test-service', namespace: name },
        spec: { selector: { foo: 'bar' }, ports: [{ port: 80, targetPort: 80 }] },
      }
      await client.create(services, service)
      await client.delete(namespaces, name)
      await until(client, namespaces, name, (each) => each === undefined)
      await client.create(namespaces, { metadata: { name } })
      await refusal(client.get(services, `${name}/test-service`), 'NotFound')
      await client.delete(namespaces, name)
    },
  )

  behavior(
    '[sig-api-machinery] Namespaces [Serial] should ensure that all pods are removed when a namespace is deleted [Conformance]',
    async (scene) => {
      const { client } = scene
      const name = (await another(scene)).metadata!.name!
      await until(client, serviceAccounts, `${name}/default`, (each) => each !== undefined)
      await client.create(pods, {
        metadata: { name: 'test-pod', namespace: name },
        spec: { containers: [{ name: 'nginx', image: 'pause:3' }], terminationGracePeriodSeconds: 0 },
      })
      await until(client, pods, `${name}/test-pod`, (each) => each?.status?.phase === 'Running')
      await client.delete(namespaces, name)
      await until(client, namespaces, name, (each) => each === undefined)
      await client.create(namespaces, { metadata: { name } })
      await refusal(client.get(pods, `${name}/test-pod`), 'NotFound')
      await client.delete(namespaces, name)
    },
  )
})
