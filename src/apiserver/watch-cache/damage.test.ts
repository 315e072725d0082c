import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps } from '#api'
import { settle, VirtualClock } from '#base'
import { StatusError } from '#meta'
import { openMemoryStore } from '#store'
import { ask, SharedStore, startTestApiServer } from '#testing'

const KEY = '/registry/configmaps/default/bad'
const ALL = '/api/v1/configmaps'
const LIST = '/api/v1/namespaces/default/configmaps'
const object = (kind: string, name: string): string =>
  JSON.stringify({ kind, apiVersion: 'v1', metadata: { name, namespace: 'default' } })

/** What may stand at the key of a ConfigMap `default/bad`, and what is said of it. */
const VALUES: Readonly<Record<string, readonly [value: string, why: RegExp]>> = {
  'is not JSON': ['garbage', /can not be read: .+/],
  'is empty': ['', /can not be read: .+/],
  'is a list': ['[1]', /can not be read: .+/],
  'begins as an object and ends as none': [object('ConfigMap', 'bad').slice(0, -1), /can not be read: .+JSON/],
  'has no kind': ['{"a":1}', /it has no kind$/m],
  'has no name': ['{"kind":"ConfigMap","metadata":{}}', /it has no name$/m],
  'is of another kind': [object('Secret', 'bad'), /it is of kind Secret$/m],
  'is of another name': [object('ConfigMap', 'good'), /it is default\/good by its metadata$/m],
  'is broken protobuf': ['k8s\0\xff\xff\xff', /can not be read: .+/],
}

for (const [title, [value, why]] of Object.entries(VALUES)) {
  test(`a stored value that ${title} stops lists and watches that meet it, until it is gone`, async () => {
    await using api = await startTestApiServer()
    const { store, client } = api
    await client.create(configMaps, { metadata: { name: 'good', namespace: 'default' } })
    const watching = (async () => {
      for await (const _ of client.watch(configMaps, { namespace: 'default' }));
    })()
    await settle()
    const revision = await store.put(KEY, Buffer.from(value, 'latin1'), { expected: 0 })
    await watching
    for (const path of [LIST, ALL, `${LIST}/bad`, `${LIST}?resourceVersion=0`, `${LIST}?fieldSelector=metadata.name=bad`]) {
      const { code, object: status } = await ask(api, `GET ${path}`)
      assert.equal(code, 500, path)
      assert.match(String((status as { message: string }).message), why)
      assert.match(
        String((status as { message: string }).message),
        /^Internal error occurred: what is stored at \/registry\/configmaps\/default\/bad/,
      )
    }
    await assert.rejects(
      async () => {
        for await (const _ of client.watch(configMaps, { namespace: 'default' }));
      },
      (error) => error instanceof StatusError && error.code === 500,
    )
    const others = ['kube-system/configmaps', 'default/secrets', 'default/configmaps/good']
    for (const path of ['/readyz', '/livez', ...others.map((each) => `/api/v1/namespaces/${each}`)])
      assert.equal((await ask(api, `GET ${path}`)).code, 200, path)
    for (const verb of ['PUT', 'DELETE']) {
      const body = { body: JSON.parse(object('ConfigMap', 'bad')) as object }
      assert.equal((await ask(api, `${verb} ${LIST}/bad`, verb === 'PUT' ? body : {})).code, 500, verb)
    }
    await client.patch(configMaps, 'default/good', { data: { a: 'b' } }, { type: 'merge' })
    await client.create(configMaps, { metadata: { name: 'better', namespace: 'default' } })
    await client.delete(configMaps, 'default/better')
    for await (const event of client.watch(configMaps, {
      namespace: 'kube-system',
      resourceVersion: '0',
      timeoutSeconds: 1,
    } as never)) {
      assert.equal(event.type, 'ADDED')
      break
    }

    await store.delete(KEY, revision)
    assert.deepEqual(
      (await client.list(configMaps, { namespace: 'default' })).items.map(({ metadata }) => metadata?.name),
      ['good'],
    )
    assert.equal((await ask(api, 'GET /readyz')).code, 200)
  })
}

test('what is written over a damaged value is served, and watches see it as the change it is', async () => {
  await using api = await startTestApiServer()
  const { store, client } = api
  const created = await client.create(configMaps, { metadata: { name: 'bad', namespace: 'default' }, data: { value: 'before' } })
  const before = Number(created.metadata?.resourceVersion)
  const damaged = await store.put(KEY, Buffer.from('garbage'), { expected: before })
  await assert.rejects(client.get(configMaps, 'default/bad'), /can not be read/)
  await store.put(KEY, Buffer.from(object('ConfigMap', 'bad')), { expected: damaged })
  assert.equal((await client.get(configMaps, 'default/bad')).data, undefined)
  for await (const event of client.watch(configMaps, { namespace: 'default', resourceVersion: String(before) })) {
    assert.deepEqual([event.type, event.object.metadata?.name], ['MODIFIED', 'bad'])
    break
  }
})

test('a server that starts over damaged values serves everything else', async () => {
  const clock = new VirtualClock()
  await using inner = openMemoryStore({ clock })
  const revisions = []
  for (const [index, [value]] of Object.values(VALUES).entries())
    revisions.push(await inner.put(`/registry/configmaps/default/v${index}`, Buffer.from(value, 'latin1'), { expected: 0 }))
  await using api = await startTestApiServer({ clock, store: new SharedStore(inner) })
  assert.equal((await ask(api, `GET ${LIST}`)).code, 500)
  assert.equal((await ask(api, 'GET /api/v1/namespaces/default/secrets')).code, 200)
  assert.match((await ask(api, `GET ${ALL}`)).object.message, /v0, .*v1, .*v2 and \d more can not be read/)
  assert.equal((await ask(api, 'GET /readyz')).code, 200)
  for (const [index, revision] of revisions.entries()) await inner.delete(`/registry/configmaps/default/v${index}`, revision)
  assert.deepEqual((await api.client.list(configMaps, { namespace: 'default' })).items, [])
  assert.equal((await ask(api, 'GET /readyz')).code, 200)
})

test('a deletion that would ignore what it can not read ignores the wish, as long as that is off', async () => {
  await using api = await startTestApiServer()
  await api.store.put(KEY, Buffer.from('garbage'), { expected: 0 })
  await api.client.create(configMaps, { metadata: { name: 'good', namespace: 'default' } })
  const wish = 'ignoreStoreReadErrorWithClusterBreakingPotential=true'
  assert.equal((await ask(api, `DELETE ${LIST}/bad?${wish}`)).code, 500)
  assert.equal((await ask(api, `DELETE ${LIST}/good?${wish}`)).code, 200)
})
