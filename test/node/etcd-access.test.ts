import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { configMaps, secrets } from '#api'
import { systemClock, systemRandom } from '#base'
import { createAuthority } from '#cluster'
import { StatusError } from '#meta'
import { openEtcdStore, StoreFailure } from '#store'
import { startTestApiServer, TEST_ADMIN } from '#testing'
import { EtcdCluster } from './etcd-cluster.ts'

const clock = systemClock
/** Little, so that it is soon full. */
const QUOTA_BYTES = 4 << 20

const etcdctl = (cluster: EtcdCluster, ...words: readonly string[]): string =>
  execFileSync('etcdctl', ['--endpoints', cluster.servers.join(','), ...words], {
    env: { ...process.env, ETCDCTL_API: '3' },
    encoding: 'utf8',
  })

test('etcd is reached by TLS, and knows who asks by a client certificate', async () => {
  const directory = mkdtempSync(join(tmpdir(), 't8s-etcd-tls-'))
  try {
    const ca = await createAuthority('etcd-ca', { clock, random: systemRandom })
    const member = await ca.issue({ commonName: 'etcd', hosts: ['127.0.0.1'], usages: ['server', 'client'] })
    const client = await ca.issue({ commonName: 'kube-apiserver-etcd-client', usages: ['client'] })
    const file = (name: string, text: string): string => {
      writeFileSync(join(directory, name), text, { mode: 0o600 })
      return join(directory, name)
    }
    const tls = {
      ca: file('ca.crt', ca.certificate),
      certificate: file('member.crt', member.certificate),
      key: file('member.key', member.key),
    }
    await using cluster = await EtcdCluster.start(1, { tls })
    const { servers } = cluster
    await using store = await openEtcdStore({ servers, clock, tls: { ca: ca.certificate, ...client } })
    const revision = await store.put('/registry/a', Buffer.from('1'), { expected: 0 })
    assert.equal((await store.get('/registry/a'))?.revision, revision)
    const elsewhere = servers.map((server) => server.replace('127.0.0.1', 'localhost'))
    const unavailable = (sentence: RegExp) => (error: unknown) => {
      assert.ok(error instanceof StoreFailure && error.reason === 'Unavailable')
      assert.match(error.message, sentence)
      return true
    }
    const other = await createAuthority('other-ca', { clock, random: systemRandom })
    const stranger = await other.issue({ commonName: 'stranger', usages: ['client'] })
    const plain = servers.map((server) => server.replace('https', 'http'))
    const whole = { ca: ca.certificate, ...client }
    await Promise.all([
      assert.rejects(
        openEtcdStore({ servers, clock, tls: { ca: ca.certificate } }),
        unavailable(/does not accept the client certificate \(--etcd-certfile, --etcd-keyfile\), or wants one and got none/),
        'without a certificate',
      ),
      assert.rejects(
        openEtcdStore({ servers, clock, tls: { ca: ca.certificate, ...stranger } }),
        unavailable(/does not accept the client certificate/),
        'a certificate of another authority',
      ),
      assert.rejects(
        openEtcdStore({ servers, clock, tls: client }),
        unavailable(/is of another authority than the one given \(--etcd-cafile\)/),
        'without the authority',
      ),
      assert.rejects(
        openEtcdStore({ servers: elsewhere, clock, tls: whole }),
        unavailable(/is for other names or addresses than the one it was asked at/),
        'another name',
      ),
      assert.rejects(openEtcdStore({ servers: plain, clock }), unavailable(/answers|TLS/), 'TLS not asked for'),
      assert.rejects(
        openEtcdStore({ servers: ['https://127.0.0.1:1'], clock, tls: whole }),
        unavailable(
          /no member of etcd answers at https:\/\/127\.0\.0\.1:1: .*; check that etcd runs, its URLs and the network between/,
        ),
        'nobody there',
      ),
    ])
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('who may not is told so at once', async () => {
  await using cluster = await EtcdCluster.start(1)
  const { servers } = cluster
  await using store = await openEtcdStore({ servers, clock })
  etcdctl(cluster, 'user', 'add', 'root:secret')
  etcdctl(cluster, 'user', 'grant-role', 'root', 'root')
  etcdctl(cluster, 'auth', 'enable')
  const isUnauthenticated = (error: unknown): boolean => error instanceof StoreFailure && error.reason === 'Unauthenticated'
  await assert.rejects(store.get('/registry/a'), isUnauthenticated)
  await assert.rejects(store.put('/registry/a', Buffer.from('1'), { expected: 0 }), isUnauthenticated)
  assert.match(store.problem() ?? '', /user name is empty/)
})

test('an etcd that is full is said to be so, and serves again when it has space', async (context) => {
  await using cluster = await EtcdCluster.start(1, { more: ['--quota-backend-bytes', String(QUOTA_BYTES)] })
  const store = await openEtcdStore({ servers: cluster.servers, clock })
  await using api = await startTestApiServer({ clock, store, storageForm: 'protobuf' })
  const readyz = async (): Promise<number> =>
    (await api.server.handle({ method: 'GET', path: '/readyz' }, { kind: 'in-process', user: TEST_ADMIN })).status
  assert.equal(await readyz(), 200)
  const value = 'x'.repeat(200_000)
  let made = 0
  const fill = async (): Promise<never> => {
    for (; ; made++)
      await api.client.create(configMaps, { metadata: { name: `m${made}`, namespace: 'default' }, data: { value } })
  }
  await assert.rejects(
    fill(),
    (error: unknown) => error instanceof StatusError && error.code === 507 && /database space exceeded/.test(error.message),
  )
  assert.equal((await api.client.list(configMaps, { namespace: 'default', limit: 5 })).items.length, 5, 'reads go on')
  await until(async () => (await readyz()) === 500)
  for (let index = 0; index < made; index++) await api.client.delete(configMaps, `default/m${index}`)
  await store.compact(await store.latest())
  etcdctl(cluster, 'defrag')
  etcdctl(cluster, 'alarm', 'disarm')
  await api.client.create(secrets, { metadata: { name: 'again', namespace: 'default' } })
  await until(async () => (await readyz()) === 200)
  context.diagnostic(`full after ${made} objects of ${value.length} bytes under a quota of ${QUOTA_BYTES}`)
})

/** etcd tells nobody of its alarms. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await clock.sleep(200)
}
