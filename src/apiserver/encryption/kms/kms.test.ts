import assert from 'node:assert/strict'
import test from 'node:test'
import { type Secret, secrets } from '#api'
import { VirtualClock } from '#base'
import { openMemoryStore, type Store } from '#store'
import {
  ask,
  encryptionFile,
  eventually,
  keptStore,
  kmsMessages,
  startKmsPlugin,
  startTestApiServer,
  type TestKmsPlugin,
} from '#testing'

const PREFIX = 'k8s:enc:kms:v2:vault:'
const MINUTE_MS = 60_000

const rules = ({ endpoint }: Pick<TestKmsPlugin, 'endpoint'>, timeout = '3s') => [
  { resources: ['secrets'], providers: [{ kms: { apiVersion: 'v2', name: 'vault', endpoint, timeout } }, { identity: {} }] },
]

const secret = (name: string): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'default' },
  stringData: { password: 'hunter2' },
})

interface Envelope {
  readonly encryptedData: Buffer
  readonly keyID: string
  readonly encryptedDEKSource: Buffer
  readonly encryptedDEKSourceType: number
  readonly annotations: Record<string, Buffer>
}

async function envelopeOf(store: Store, name: string): Promise<Envelope> {
  const value = Buffer.from((await store.get(`/registry/secrets/default/${name}`))!.value)
  assert.equal(value.subarray(0, PREFIX.length).toString(), PREFIX)
  const type = kmsMessages.lookupType('EncryptedObject')
  return type.toObject(type.decode(value.subarray(PREFIX.length))) as Envelope
}

test('values are kept in envelopes of KMS v2, and the plugin is asked for a seed, not for values', async () => {
  await using plugin = await startKmsPlugin()
  using file = encryptionFile(rules(plugin))
  await using api = await startTestApiServer({ encryption: file })
  for (const name of ['one', 'two']) await api.client.create(secrets, secret(name))
  const [one, two] = [await envelopeOf(api.store, 'one'), await envelopeOf(api.store, 'two')]
  assert.deepEqual([one.keyID, one.encryptedDEKSourceType], ['1', 1])
  assert.deepEqual(one.annotations, { 'version.kms.example.com': Buffer.from('1') })
  assert.deepEqual(one.encryptedDEKSource, two.encryptedDEKSource)
  assert.notDeepEqual(one.encryptedData.subarray(0, 32), two.encryptedData.subarray(0, 32))
  await api.client.get(secrets, 'default/one')
  assert.deepEqual(plugin.calls, ['Status', 'Encrypt'])
})

test('a server that starts asks the plugin once for a seed, however many values it encrypted', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  await using plugin = await startKmsPlugin()
  using file = encryptionFile(rules(plugin))
  const open = () => startTestApiServer({ clock, encryption: file, store: keptStore(store) })
  {
    await using before = await open()
    for (const name of ['one', 'two', 'three']) await before.client.create(secrets, secret(name))
  }
  plugin.calls.length = 0
  await using after = await open()
  const { items } = await after.client.list(secrets, { namespace: 'default' })
  assert.equal(items.length, 3)
  assert.equal(plugin.calls.filter((call) => call === 'Decrypt').length, 1)
})

test('another key id of the plugin means another seed within a minute, and what is older is stale', async () => {
  const clock = new VirtualClock()
  await using plugin = await startKmsPlugin()
  using file = encryptionFile(rules(plugin))
  await using api = await startTestApiServer({ clock, encryption: file })
  const created = await api.client.create(secrets, secret('one'))
  assert.equal((await api.client.update(secrets, created)).metadata!.resourceVersion, created.metadata!.resourceVersion)
  plugin.keyId = '2'
  await clock.advance(MINUTE_MS)
  await eventually(async () => {
    const moved = await api.client.update(secrets, created)
    return moved.metadata!.resourceVersion !== created.metadata!.resourceVersion
  })
  assert.equal((await envelopeOf(api.store, 'one')).keyID, '2')
})

test('while the plugin fails, health says so, reads go on, and writes for three minutes', async () => {
  const clock = new VirtualClock()
  await using plugin = await startKmsPlugin()
  using file = encryptionFile(rules(plugin))
  await using api = await startTestApiServer({ clock, encryption: file })
  await api.client.create(secrets, secret('one'))
  assert.equal((await ask(api, 'GET /readyz/kms-providers')).code, 200)
  plugin.failure = 'the vault is shut'
  await clock.advance(MINUTE_MS)
  const { code, text } = await ask(api, 'GET /healthz/kms-providers')
  assert.equal(code, 500)
  assert.match(
    text,
    /failed to perform status section of the healthz check for KMS Provider vault, error: rpc error: code = Unavailable desc = the vault is shut/,
  )
  await api.client.create(secrets, secret('two'))
  await clock.advance(2 * MINUTE_MS + 1)
  await assert.rejects(api.client.create(secrets, secret('three')), /encryptedDEKSource with keyID hash "sha256:.*" expired at/)
  assert.ok(await api.client.get(secrets, 'default/two'))
  plugin.failure = undefined
  await eventually(async () => {
    await clock.advance(MINUTE_MS / 6)
    return (await ask(api, 'GET /healthz/kms-providers')).code === 200
  })
  assert.ok(await api.client.create(secrets, secret('three')))
})

test('a plugin that is not there when the server starts is no failure, and what it encrypted is read once it is', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  await using plugin = await startKmsPlugin()
  using file = encryptionFile(rules(plugin))
  const open = () => startTestApiServer({ clock, encryption: file, store: keptStore(store) })
  {
    await using before = await open()
    await before.client.create(secrets, secret('one'))
  }
  plugin.failure = 'not yet'
  await using after = await open()
  const { code, object } = await ask(after, 'GET /api/v1/namespaces/default/secrets/one')
  assert.deepEqual([code, object.message], [500, 'Internal error occurred: got unexpected nil transformer'])
  assert.equal((await ask(after, 'GET /api/v1/namespaces/default/configmaps')).code, 200)
  plugin.failure = undefined
  await clock.advance(MINUTE_MS / 6)
  await eventually(async () => (await ask(after, 'GET /api/v1/namespaces/default/secrets/one')).code === 200)
})

test('KMS v1 is refused with the advice to use v2', async () => {
  const kms = { apiVersion: 'v1', name: 'old', endpoint: 'unix:///run/none.sock' }
  using file = encryptionFile([{ resources: ['secrets'], providers: [{ kms }] }])
  await assert.rejects(startTestApiServer({ encryption: file }), /KMSv1 is deprecated .* Use KMSv2 instead/)
})

test('metrics count the calls of the plugin and the uses of its key', async () => {
  await using plugin = await startKmsPlugin()
  using file = encryptionFile(rules(plugin))
  await using api = await startTestApiServer({ encryption: file })
  await api.client.create(secrets, secret('one'))
  const { text } = await ask(api, 'GET /metrics')
  assert.match(
    text,
    /kms_operations_latency_seconds_count\{grpc_status_code="OK",method_name="\/v2.KeyManagementService\/Encrypt",provider_name="vault"\} 1/,
  )
  assert.match(
    text,
    /key_id_hash_total\{apiserver_id_hash="[^"]*",key_id_hash="sha256:\w+",provider_name="vault",transformation_type="to_storage"\}/,
  )
})
