import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps, customResourceDefinitions, decodeProtobuf, services } from '#api'
import { VirtualClock } from '#base'
import { openMemoryStore, type Store } from '#store'
import { startTestApiServer } from '#testing'
import { encodeForStore } from './object-version.ts'

const KEY = '/registry/configmaps/default/a'
const text = async (store: Store, key: string): Promise<string> => Buffer.from((await store.get(key))!.value).toString()
const map = (value: string) => ({ metadata: { name: 'a', namespace: 'default', labels: { app: 'web' } }, data: { value } })

const definition = {
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced' as const,
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
}

test('objects of built-in kinds are stored in the form that was chosen, definitions of custom ones in JSON', async () => {
  await using api = await startTestApiServer({ storageForm: 'protobuf' })
  const made = await api.client.create(configMaps, map('one'))
  const { value } = (await api.store.get(KEY))!
  const { apiVersion, kind, object } = decodeProtobuf(value)
  assert.deepEqual([apiVersion, kind, object['data']], ['v1', 'ConfigMap', { value: 'one' }])
  const { resourceVersion, ...stored } = made.metadata!
  assert.ok(resourceVersion)
  assert.deepEqual(object['metadata'], stored, 'all but the revision is stored')
  await api.client.create(customResourceDefinitions, definition)
  const key = '/registry/apiextensions.k8s.io/customresourcedefinitions/widgets.example.com'
  assert.match(await text(api.store, key), /^\{"kind":"CustomResourceDefinition"/)
})

for (const form of ['json', 'protobuf'] as const) {
  const other = form === 'json' ? 'protobuf' : 'json'
  test(`a server that stores ${form} reads, watches and changes what another stored in ${other}`, async () => {
    const clock = new VirtualClock()
    const store = openMemoryStore({ clock })
    const foreign = (value: string): Uint8Array => encodeForStore({ apiVersion: 'v1', kind: 'ConfigMap', ...map(value) }, other)
    const first = await store.put(KEY, foreign('one'), { expected: 0 })
    await using api = await startTestApiServer({ clock, store, storageForm: form })
    const current = await api.client.get(configMaps, 'default/a')
    assert.deepEqual([current.data, current.metadata?.resourceVersion], [{ value: 'one' }, String(first)])
    const { items } = await api.client.list(configMaps, { namespace: 'default', labelSelector: 'app=web' })
    assert.deepEqual(
      items.map(({ data }) => data),
      [{ value: 'one' }],
    )

    const second = await store.put(KEY, foreign('two'), { expected: first })
    const changed = await api.client.get(configMaps, 'default/a')
    assert.deepEqual([changed.data, changed.metadata?.resourceVersion], [{ value: 'two' }, String(second)])
    await api.client.update(configMaps, { ...changed, data: { value: 'three' } })
    assert.equal((await text(store, KEY)).startsWith(form === 'json' ? '{' : 'k8s\0'), true)
    assert.deepEqual((await api.client.get(configMaps, 'default/a')).data, { value: 'three' })
  })
}

test('node ports are kept as upstream keeps them: the bits of one large number', async () => {
  await using api = await startTestApiServer({ storageForm: 'protobuf' })
  await api.client.create(services, {
    metadata: { name: 'web', namespace: 'default' },
    spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ port: 80, nodePort: 30_009 }] },
  })
  const { object } = decodeProtobuf((await api.store.get('/registry/ranges/servicenodeports'))!.value)
  const bits = BigInt(`0x${Buffer.from(object['data'] as string, 'base64').toString('hex')}`)
  assert.deepEqual([object['range'], bits], ['30000-32767', 1n << 9n])
})

for (const form of ['json', 'protobuf'] as const) {
  test(`node ports that were taken under JSON stay taken under ${form}`, async () => {
    const clock = new VirtualClock()
    const store = openMemoryStore({ clock })
    const data = Buffer.alloc(346)
    data[1] = 1 << 1
    const allocation = {
      kind: 'RangeAllocation',
      apiVersion: 'v1',
      metadata: {},
      range: '30000-32767',
      data: data.toString('base64'),
    }
    await store.put('/registry/ranges/servicenodeports', Buffer.from(JSON.stringify(allocation)), { expected: 0 })
    await using api = await startTestApiServer({ clock, store, storageForm: form })
    const service = (name: string, nodePort: number) => ({
      metadata: { name, namespace: 'default' },
      spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ port: 80, nodePort }] },
    })
    await api.client.create(services, service('free', 30_010))
    for (const taken of [30_009, 30_010])
      await assert.rejects(api.client.create(services, service('taken', taken)), /provided port is already allocated/)
  })
}
