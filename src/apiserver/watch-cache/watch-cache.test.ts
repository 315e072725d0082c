import assert from 'node:assert/strict'
import test from 'node:test'
import { type ConfigMap, configMaps } from '#api'
import { nullLog, VirtualClock } from '#base'
import { openMemoryStore } from '#store'
import { ask, askWatch, FaultyStore, startTestApiServer, type TestApiServer } from '#testing'
import { WatchCache } from './watch-cache.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'

const configMap = (name: string): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
})

interface Shaken extends TestApiServer {
  readonly faulty: FaultyStore
  readonly time: VirtualClock
}

async function startOnFaultyStore(): Promise<Shaken> {
  const time = new VirtualClock()
  const faulty = new FaultyStore(openMemoryStore({ clock: time }))
  return { ...(await startTestApiServer({ clock: time, store: faulty })), faulty, time }
}

/** Writes as another API server over the same store would. */
const writeElsewhere = async ({ store }: Shaken, name: string, uid = 'x'): Promise<number> => {
  const key = `/registry/configmaps/default/${name}`
  const value = Buffer.from(JSON.stringify({ ...configMap(name), metadata: { name, namespace: 'default', uid } }))
  return store.put(key, value, { expected: (await store.get(key))?.revision ?? 0 })
}

for (const [how, error] of [
  ['breaks', new Error('connection reset')],
  ['is closed', undefined],
] as const) {
  test(`a watch of the store that ${how} is opened again where it ended, and no watcher misses or hears anything twice`, async () => {
    await using api = await startOnFaultyStore()
    const { object } = await ask(api, `GET ${MAPS}`)
    await using watch = await askWatch(api, `GET ${MAPS}?watch=true&resourceVersion=${object.metadata.resourceVersion}`)
    await api.client.create(configMaps, configMap('before'))
    api.faulty.cutWatches(error)
    await writeElsewhere(api, 'during')
    await api.time.advance(200)
    await api.client.create(configMaps, configMap('after'))
    assert.deepEqual(await watch.told(3), ['ADDED before', 'ADDED during', 'ADDED after'])
    assert.equal(api.faulty.opened, 2)
  })
}

test('while the store can not be watched the server is not ready, a write waits, and all is well again after', async () => {
  await using api = await startOnFaultyStore()
  const ready = async (): Promise<number> => (await ask(api, 'GET /readyz')).code
  assert.equal(await ready(), 200)
  api.faulty.goDown()
  await writeElsewhere(api, 'a')
  await api.time.advance(60_000)
  assert.equal(await ready(), 500)
  assert.match((await ask(api, 'GET /readyz/etcd-readiness')).text, /the watch cache is behind the store/)
  assert.ok(api.faulty.opened > 5 && api.faulty.opened < 20, `attempts come ever later: ${api.faulty.opened}`)
  const reading = ask(api, `GET ${MAPS}/a`)
  api.faulty.comeUp()
  await api.time.advance(10_000)
  assert.equal((await reading).code, 200)
  assert.equal(await ready(), 200)
})

test('when what happened meanwhile is compacted, everything is read anew: watches end, and the server itself is told the difference', async () => {
  await using api = await startOnFaultyStore()
  for (const name of ['gone', 'changed', 'same']) await api.client.create(configMaps, configMap(name))
  const { object } = await ask(api, `GET ${MAPS}`)
  const from = `GET ${MAPS}?watch=true&resourceVersion=${object.metadata.resourceVersion}`
  await using watch = await askWatch(api, from)
  api.faulty.goDown()
  await api.store.delete(
    '/registry/configmaps/default/gone',
    (await api.store.get('/registry/configmaps/default/gone'))!.revision,
  )
  await writeElsewhere(api, 'changed', 'y')
  const last = await writeElsewhere(api, 'new')
  await api.store.compact(last)
  api.faulty.comeUp()
  await api.time.advance(10_000)
  assert.deepEqual(await watch.rest(), [])
  const { object: now } = await ask(api, `GET ${MAPS}`)
  assert.deepEqual(
    now.items.map(({ metadata }: ConfigMap) => `${metadata?.name} ${metadata?.uid === 'y'}`),
    ['changed true', 'new false', 'same false'],
  )
  await using old = await askWatch(api, from)
  assert.deepEqual(await old.told(2), ['ERROR Expired', 'end'])
  await using fresh = await askWatch(api, `GET ${MAPS}?watch=true&resourceVersion=${now.metadata.resourceVersion}`)
  await api.client.create(configMaps, configMap('later'))
  assert.deepEqual(await fresh.told(1), ['ADDED later'])
})

test('what roles allow follows a store that was read anew', async () => {
  await using api = await startOnFaultyStore()
  const user = { username: 'reader', groups: ['system:authenticated'] }
  assert.equal((await ask(api, `GET ${MAPS}`, { user })).code, 403)
  api.faulty.goDown()
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'reader' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'reader' }],
  }
  const revision = await api.store.put('/registry/clusterrolebindings/reader', Buffer.from(JSON.stringify(binding)), {
    expected: 0,
  })
  await api.store.compact(revision)
  api.faulty.comeUp()
  await api.time.advance(10_000)
  assert.equal((await ask(api, `GET ${MAPS}`, { user })).code, 200)
})

test('changes of one revision are all shown before the cache says that it has reached it', async () => {
  const time = new VirtualClock()
  const inner = openMemoryStore({ clock: time })
  const keys = ['a', 'b'].map((name) => `/registry/configmaps/default/${name}`)
  for (const key of keys) await inner.put(key, Buffer.from(JSON.stringify(configMap(key.at(-1)!))), { expected: 0 })
  const watch = inner.watch.bind(inner)
  const released = Promise.withResolvers<void>()
  // As when a lease ends: one revision deletes both.
  inner.watch = async function* (prefix, since, signal) {
    const [first, second] = keys
    const revision = since + 1
    yield { type: 'delete', key: first!, value: (await inner.get(first!))!.value, revision, previous: undefined, more: true }
    await released.promise
    yield { type: 'delete', key: second!, value: (await inner.get(second!))!.value, revision, previous: undefined }
    yield* watch(prefix, revision, signal)
  }
  const cache = await WatchCache.open(inner, [configMaps as never], { clock: time, log: nullLog })
  const { revision } = cache
  const reached = cache.reached(revision + 1)
  await time.advance(1000)
  assert.equal(cache.revision, revision)
  released.resolve()
  await reached
  assert.deepEqual(
    keys.map((key) => cache.of(configMaps as never).get(key.slice('/registry/configmaps/'.length))),
    [undefined, undefined],
  )
  await cache[Symbol.asyncDispose]()
  await inner[Symbol.asyncDispose]()
})
