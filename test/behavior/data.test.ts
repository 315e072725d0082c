import assert from 'node:assert/strict'
import { type ConfigMap, configMaps, type ResourceDefinition, type Secret, secrets } from '#api'
import type { Client } from '#client'
import { behaviors } from './behavior.ts'
import { observe, refusal } from './waiting.ts'

const configMap = (namespace: string, name: string, rest: Partial<ConfigMap> = {}): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  ...rest,
})

behaviors('data', (behavior) => {
  behavior('[sig-node] ConfigMap should fail to create ConfigMap with empty key [Conformance]', async ({ client, namespace }) => {
    const { status } = await refusal(
      client.create(configMaps, configMap(namespace, 'empty-key', { data: { '': 'value' } })),
      'Invalid',
    )
    assert.deepEqual(
      status.details?.causes?.map(({ field, reason }) => [field, reason]),
      [['data[]', 'FieldValueInvalid']],
    )
  })

  behavior('[sig-node] ConfigMap should run through a ConfigMap lifecycle [Conformance]', async ({ client, namespace }) => {
    const labels = { test: 'lifecycle' }
    const selection = { labelSelector: 'test=lifecycle' }
    const created = await client.create(configMaps, {
      ...configMap(namespace, 'life', { data: { a: '1' } }),
      metadata: { name: 'life', namespace, labels },
    })
    await using events = observe(client, configMaps, {
      ...selection,
      namespace,
      resourceVersion: created.metadata!.resourceVersion!,
    })
    const patch = { metadata: { labels: { patched: 'true' } }, data: { a: '2', b: '3' } }
    await client.patch(configMaps, `${namespace}/life`, patch, { type: 'strategic' })
    const { object } = await events.next(({ type }) => type === 'MODIFIED')
    assert.deepEqual((object as ConfigMap).data, { a: '2', b: '3' })
    assert.deepEqual((await client.get(configMaps, `${namespace}/life`)).metadata?.labels, { ...labels, patched: 'true' })
    // Seen from all namespaces at once.
    const listed = await client.list(configMaps, selection)
    assert.deepEqual(
      listed.items.filter(({ metadata }) => metadata?.namespace === namespace).map(({ data }) => data),
      [{ a: '2', b: '3' }],
    )
    await client.deleteCollection(configMaps, { namespace, ...selection })
    await events.next(({ type }) => type === 'DELETED')
    assert.deepEqual((await client.list(configMaps, { namespace, ...selection })).items, [])
  })

  behavior(
    '[sig-node] ConfigMap should update ConfigMap successfully [NodeConformance] [Conformance]',
    async ({ client, namespace }) => {
      const created = await client.create(configMaps, configMap(namespace, 'updated'))
      assert.equal(created.data, undefined)
      await client.update(configMaps, { ...created, data: { 'data-1': 'value-1' } })
      assert.deepEqual((await client.get(configMaps, `${namespace}/updated`)).data, { 'data-1': 'value-1' })
    },
  )

  behavior(
    '[sig-storage] ConfigMap should be immutable if `immutable` field is set [Conformance]',
    async ({ client, namespace }) => {
      await freezes(client, configMaps, configMap(namespace, 'frozen', { data: { a: '1' } }), { a: '2' })
    },
  )

  behavior(
    '[sig-node] Secrets should fail to create secret due to empty secret key [Conformance]',
    async ({ client, namespace }) => {
      const { status } = await refusal(
        client.create(secrets, secret(namespace, 'empty-key', { data: { '': 'dmFsdWU=' } })),
        'Invalid',
      )
      assert.deepEqual(
        status.details?.causes?.map(({ field }) => field),
        ['data[]'],
      )
    },
  )

  behavior('[sig-node] Secrets should patch a secret [Conformance]', async ({ client, namespace }) => {
    const labels = { testsecret: namespace }
    await client.create(secrets, {
      ...secret(namespace, 'patched', { data: { key: 'dmFsdWU=' } }),
      metadata: { name: 'patched', namespace, labels },
    })
    const selection = { labelSelector: `testsecret=${namespace}` }
    assert.equal((await client.list(secrets, selection)).items.length, 1)
    const patch = { metadata: { labels: { patched: 'true' } }, data: { key: 'dmFsdWUx' } }
    await client.patch(secrets, `${namespace}/patched`, patch, { type: 'strategic' })
    const fetched = await client.get(secrets, `${namespace}/patched`)
    assert.deepEqual([fetched.data, fetched.metadata?.labels?.['patched'], fetched.type], [{ key: 'dmFsdWUx' }, 'true', 'Opaque'])
    await client.deleteCollection(secrets, { namespace, ...selection })
    assert.deepEqual((await client.list(secrets, selection)).items, [])
  })

  behavior(
    '[sig-storage] Secrets should be immutable if `immutable` field is set [Conformance]',
    async ({ client, namespace }) => {
      await freezes(client, secrets, secret(namespace, 'frozen', { data: { a: 'MQ==' } }), { a: 'Mg==' })
    },
  )
})

const secret = (namespace: string, name: string, rest: Partial<Secret> = {}): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace },
  ...rest,
})

/** Once `immutable` is set, neither it nor the data can be changed; metadata can, and the object can be deleted. */
async function freezes<T extends ConfigMap | Secret>(
  client: Client,
  resource: ResourceDefinition<T>,
  object: T,
  data: Record<string, string>,
): Promise<void> {
  const created = await client.create(resource, object)
  const changed = await client.update(resource, { ...created, data })
  const frozen = await client.update(resource, { ...changed, immutable: true })
  const causesOf = async (draft: T): Promise<(string | undefined)[]> =>
    ((await refusal(client.update(resource, draft), 'Invalid')).status.details?.causes ?? []).map(({ field }) => field)
  assert.deepEqual(await causesOf({ ...frozen, immutable: false }), ['immutable'])
  assert.deepEqual(await causesOf({ ...frozen, data: { ...data, b: 'Mw==' } }), ['data'])
  const annotated = await client.update(resource, { ...frozen, metadata: { ...frozen.metadata, annotations: { a: 'b' } } })
  assert.deepEqual(annotated.metadata?.annotations, { a: 'b' })
  assert.equal(await client.delete(resource, `${created.metadata!.namespace}/${created.metadata!.name}`), undefined)
}
