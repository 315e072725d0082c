import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps, type Secret, secrets } from '#api'
import { openEncryption } from '#apiserver'
import { nullLog, VirtualClock } from '#base'
import { openMemoryStore, RevisionConflict, type Store } from '#store'
import {
  ask,
  askWatch,
  crdOf,
  encryptionFile,
  encryptionKey,
  establish,
  eventually,
  keptStore,
  startTestApiServer,
} from '#testing'

const SECRETS = '/api/v1/namespaces/default/secrets'
const KEY1 = encryptionKey('key1', 1)
const KEY2 = encryptionKey('key2', 2)

const secretbox = (...keys: (typeof KEY1)[]) => [
  { resources: ['secrets'], providers: [{ secretbox: { keys } }, { identity: {} }] },
]

const secret = (name: string, password = 'hunter2'): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'default' },
  stringData: { password },
})

const passwordOf = ({ data = {} }: Secret): string => Buffer.from(data['password'] ?? '', 'base64').toString()

const rawOf = async (store: Store, name: string): Promise<string> =>
  Buffer.from((await store.get(`/registry/secrets/default/${name}`))!.value).toString('latin1')

test('secrets are encrypted in the store, other kinds are not, and clients see neither', async () => {
  using file = encryptionFile(secretbox(KEY1))
  await using api = await startTestApiServer({ encryption: file })
  const { object: list } = await ask(api, `GET ${SECRETS}`)
  await using watch = await askWatch(api, `GET ${SECRETS}?watch=true&resourceVersion=${list.metadata.resourceVersion}`)
  const created = await api.client.create(secrets, secret('one'))
  await api.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one', namespace: 'default' } })

  const stored = await rawOf(api.store, 'one')
  assert.ok(stored.startsWith('k8s:enc:secretbox:v1:key1:'))
  assert.ok(!stored.includes('one') && !stored.includes('Secret'))
  const plain = (await api.store.get('/registry/configmaps/default/one'))!.value
  assert.equal(plain[0], '{'.charCodeAt(0))

  assert.deepEqual([passwordOf(created), passwordOf(await api.client.get(secrets, 'default/one'))], ['hunter2', 'hunter2'])
  await api.client.patch(secrets, 'default/one', { stringData: { password: 'better' } }, { type: 'merge' })
  const { object: exact } = await ask(
    api,
    `GET ${SECRETS}?resourceVersion=${created.metadata!.resourceVersion}&resourceVersionMatch=Exact`,
  )
  assert.deepEqual((exact.items as Secret[]).map(passwordOf), ['hunter2'])
  await api.client.delete(secrets, 'default/one')
  assert.deepEqual(await watch.told(3), ['ADDED one', 'MODIFIED one', 'DELETED one'])
})

test('what was encrypted is read by the next server, and what was not yet encrypted too', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  using file = encryptionFile(secretbox(KEY1))
  {
    await using plain = await startTestApiServer({ store: keptStore(store), clock })
    await plain.client.create(secrets, secret('old'))
  }
  {
    await using first = await startTestApiServer({ store: keptStore(store), clock, encryption: file })
    await first.client.create(secrets, secret('new'))
  }
  await using second = await startTestApiServer({ store: keptStore(store), clock, encryption: file })
  const { items } = await second.client.list(secrets, { namespace: 'default' })
  assert.deepEqual(
    items.map((each) => [each.metadata!.name, passwordOf(each)]),
    [
      ['new', 'hunter2'],
      ['old', 'hunter2'],
    ],
  )
})

test('of two servers over one store each reads and updates what the other encrypted', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  using file = encryptionFile(secretbox(KEY1))
  await using a = await startTestApiServer({ store: keptStore(store), clock, encryption: file })
  await using b = await startTestApiServer({ store: keptStore(store), clock, seed: 2, encryption: file })
  await a.client.create(secrets, secret('one'))
  await b.client.patch(secrets, 'default/one', { stringData: { password: 'b' } }, { type: 'merge' })
  await a.client.patch(secrets, 'default/one', { metadata: { labels: { by: 'a' } } }, { type: 'merge' })
  assert.equal(passwordOf(await b.client.get(secrets, 'default/one')), 'b')
})

test('an update that changes nothing writes again what another key than the first has encrypted', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  using file = encryptionFile(secretbox(KEY1))
  let created: Secret
  {
    await using before = await startTestApiServer({ store: keptStore(store), clock, encryption: file })
    created = await before.client.create(secrets, secret('one'))
    const same = await before.client.update(secrets, created)
    assert.equal(same.metadata!.resourceVersion, created.metadata!.resourceVersion)
  }
  file.replace(secretbox(KEY2, KEY1))
  await using after = await startTestApiServer({ store: keptStore(store), clock, encryption: file })
  const moved = await after.client.update(secrets, created)
  assert.notEqual(moved.metadata!.resourceVersion, created.metadata!.resourceVersion)
  assert.ok((await rawOf(store, 'one')).startsWith('k8s:enc:secretbox:v1:key2:'))
  assert.equal((await after.client.update(secrets, moved)).metadata!.resourceVersion, moved.metadata!.resourceVersion)
})

test('a value moved to another key in the store is not read there, when the cipher binds it', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  using file = encryptionFile([{ resources: ['secrets'], providers: [{ aesgcm: { keys: [KEY1] } }] }])
  await using api = await startTestApiServer({ store: keptStore(store), clock, encryption: file })
  await api.client.create(secrets, secret('mine'))
  const { value } = (await store.get('/registry/secrets/default/mine'))!
  await store.put('/registry/secrets/default/stolen', value, { expected: 0 })
  const { code, object } = await ask(api, `GET ${SECRETS}/stolen`)
  assert.deepEqual([code, object.message], [500, 'Internal error occurred: cipher: message authentication failed'])
})

test('what can not be decrypted is told to who asks for it, and keeps nothing else from being served', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  using file = encryptionFile(secretbox(KEY1))
  {
    await using before = await startTestApiServer({ store: keptStore(store), clock, encryption: file })
    await before.client.create(secrets, secret('lost'))
  }
  file.replace(secretbox(KEY2))
  await using api = await startTestApiServer({ store: keptStore(store), clock, encryption: file })
  const why = 'no matching key was found for the provided Secretbox transformer'
  const internal = (message: string) => [500, 'InternalError', `Internal error occurred: ${message}`]
  const answer = async (what: string, body?: object) => {
    const { code, object } = await ask(api, what, { body })
    return [code, object.reason, object.message]
  }
  assert.deepEqual(await answer(`GET ${SECRETS}/lost`), internal(why))
  assert.deepEqual(await answer(`PUT ${SECRETS}/lost`, secret('lost')), internal(why))
  assert.deepEqual(await answer(`DELETE ${SECRETS}/lost`), internal(why))
  const listed = internal(`unable to transform key "/registry/secrets/default/lost": ${why}`)
  assert.deepEqual(await answer(`GET ${SECRETS}`), listed)
  assert.deepEqual(await answer(`GET ${SECRETS}?limit=1`), listed)
  assert.deepEqual(await answer(`GET ${SECRETS}?labelSelector=a%3Db`), listed)
  const created = await api.client.create(secrets, secret('found'))
  assert.equal(passwordOf(await api.client.get(secrets, 'default/found')), 'hunter2')
  assert.equal((await ask(api, 'GET /api/v1/namespaces/default/configmaps')).code, 200)
  assert.ok(created.metadata!.uid)
})

test('a watch ends when it would have to show what can not be decrypted, and reading says why', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  using file = encryptionFile(secretbox(KEY1))
  await using api = await startTestApiServer({ store: keptStore(store), clock, encryption: file })
  await api.client.create(secrets, secret('one'))
  const { object: list } = await ask(api, `GET ${SECRETS}`)
  const from = `GET ${SECRETS}?watch=true&resourceVersion=${list.metadata.resourceVersion}`
  await using watch = await askWatch(api, from)
  const { value, revision } = (await store.get('/registry/secrets/default/one'))!
  await store.put('/registry/secrets/default/one', value.subarray(0, 40), { expected: revision })
  await api.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one', namespace: 'default' } })
  assert.equal(await watch.next(), undefined)
  assert.equal((await ask(api, `GET ${SECRETS}`)).code, 500)
  const broken = (await store.get('/registry/secrets/default/one'))!
  await store.put('/registry/secrets/default/one', value, { expected: broken.revision })
  assert.equal(passwordOf(await api.client.get(secrets, 'default/one')), 'hunter2')
  await api.client.delete(secrets, 'default/one')
})

test('a server without encryption says that it can not read what another encrypted', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  using file = encryptionFile(secretbox(KEY1))
  {
    await using before = await startTestApiServer({ store: keptStore(store), clock, encryption: file })
    await before.client.create(secrets, secret('one'))
  }
  await using api = await startTestApiServer({ store: keptStore(store), clock })
  const { object } = await ask(api, `GET ${SECRETS}/one`)
  assert.equal(object.message, 'Internal error occurred: identity transformer tried to read encrypted data')
})

test('custom resources are encrypted by the rule for everything, and one that can not be read keeps no other from being served', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  using file = encryptionFile([{ resources: ['*.*'], providers: [{ secretbox: { keys: [KEY1] } }] }])
  await using api = await startTestApiServer({ store: keptStore(store), clock, encryption: file })
  const [widgets] = await establish(api.client, crdOf())
  for (const name of ['one', 'two'])
    await api.client.create(widgets!, {
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      metadata: { name, namespace: 'default' },
      size: 3,
    })
  const path = '/registry/example.com/widgets/default/one'
  const { value, revision } = (await store.get(path))!
  assert.match(Buffer.from(value).toString('latin1'), /^k8s:enc:secretbox:v1:key1:/)
  assert.deepEqual(
    (await api.client.list(widgets!)).items.map(({ size }) => size),
    [3, 3],
  )
  const broken = await store.put(path, value.subarray(0, 60), { expected: revision })
  await eventually(async () => (await ask(api, 'GET /apis/example.com/v1/namespaces/default/widgets/one')).code === 500)
  assert.equal((await ask(api, 'GET /apis/example.com/v1/widgets')).code, 500)
  assert.equal((await api.client.get(widgets!, 'default/two'))['size'], 3)
  await store.put(path, value, { expected: broken })
  assert.equal((await api.client.get(widgets!, 'default/one'))['size'], 3)
  // Everything is: definitions, roles, what the server keeps for itself.
  for (const { key, value: stored } of (await store.list('/registry/')).entries)
    assert.equal(Buffer.from(stored.subarray(0, 8)).toString(), 'k8s:enc:', key)
})

test('a changed file takes force without a restart; one that can not be used does not', async () => {
  using file = encryptionFile(secretbox(KEY1))
  const clock = new VirtualClock()
  await using encryption = await openEncryption({ file: file.file, automaticReload: true }, { clock, log: nullLog })
  await using inner = openMemoryStore({ clock })
  const store = encryption.over(inner)
  const path = '/registry/secrets/default/one'
  const first = await store.put(path, Buffer.from('{}'), { expected: 0 })
  const reloaded = (status: string): RegExp =>
    new RegExp(`automatic_reloads_total\\{apiserver_id_hash="[^"]+",status="${status}"`)
  const failed = eventually(() => reloaded('failure').test(encryption.metrics.text()))
  file.write('resources: [')
  await failed
  const second = await store.put(path, Buffer.from('{}'), { expected: first })
  assert.match(Buffer.from((await inner.get(path))!.value).toString('latin1'), /^k8s:enc:secretbox:v1:key1:/)

  const changed = new Promise<void>((resolve) => void encryption.onChange(resolve))
  file.replace(secretbox(KEY2, KEY1))
  await clock.advance(60_000)
  await changed
  assert.equal(await store.isStale(path), true)
  assert.equal(Buffer.from((await store.get(path))!.value).toString(), '{}')
  await store.put(path, Buffer.from('{}'), { expected: second })
  assert.match(Buffer.from((await inner.get(path))!.value).toString('latin1'), /^k8s:enc:secretbox:v1:key2:/)
  assert.equal(await store.isStale(path), false)
  assert.match(encryption.metrics.text(), reloaded('success'))
})

test('the store that encrypts keeps the promises of a store: conflicts show what is there, changes what was', async () => {
  using file = encryptionFile(secretbox(KEY1))
  const clock = new VirtualClock()
  await using encryption = await openEncryption({ file: file.file }, { clock, log: nullLog })
  await using inner = openMemoryStore({ clock })
  const store = encryption.over(inner)
  const path = '/registry/secrets/default/one'
  const first = await store.put(path, Buffer.from('1'), { expected: 0 })
  const shows = (error: unknown): boolean =>
    error instanceof RevisionConflict && Buffer.from(error.current!.value).toString() === '1'
  await assert.rejects(store.put(path, Buffer.from('2'), { expected: 0 }), shows)
  await assert.rejects(store.delete(path, first + 7), shows)
  const second = await store.put(path, Buffer.from('2'), { expected: first })
  await store.delete(path, second)
  const stop = new AbortController()
  const told: unknown[] = []
  for await (const change of store.watch('/registry/', 0, stop.signal)) {
    if (change.type === 'progress') break
    const previous = change.previous && Buffer.from(change.previous.value).toString()
    told.push([change.type, Buffer.from(change.value).toString(), previous])
  }
  assert.deepEqual(told, [
    ['put', '1', undefined],
    ['put', '2', '1'],
    ['delete', '2', '2'],
  ])
  assert.equal(Buffer.from((await store.get(path, first))!.value).toString(), '1')
})
