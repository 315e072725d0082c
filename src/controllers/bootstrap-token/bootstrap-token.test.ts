import assert from 'node:assert/strict'
import test from 'node:test'
import { jwtVerify } from 'jose'
import { type ConfigMap, configMaps, type Secret, secrets } from '#api'
import { startTestCluster, type TestCluster } from '#testing'

const INFO = 'kube-public/cluster-info'
const CONTENT = 'apiVersion: v1\nkind: Config\n'
const SECRET = '0123456789abcdef'

const clusterInfo = (data: Record<string, string>): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'kube-public', name: 'cluster-info' },
  data,
})

const token = (id: string, more: Record<string, string> = {}): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace: 'kube-system', name: `bootstrap-token-${id}` },
  type: 'bootstrap.kubernetes.io/token',
  stringData: { 'token-id': id, 'token-secret': SECRET, 'usage-bootstrap-signing': 'true', ...more },
})

const inSeconds = ({ clock }: TestCluster, seconds: number): string =>
  new Date(clock.now() + seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z')

async function signaturesOf({ client, clock }: TestCluster): Promise<Record<string, string>> {
  await clock.advance(0)
  const { data = {} } = await client.get(configMaps, INFO)
  return Object.fromEntries(Object.entries(data).filter(([key]) => key !== 'kubeconfig'))
}

test('cluster-info is signed with every token that may sign, in a form that a JWT library verifies', async () => {
  await using cluster = await startTestCluster({ transport: 'in process' })
  const { client } = cluster
  await client.create(configMaps, clusterInfo({ kubeconfig: CONTENT }))
  await client.create(secrets, token('abcdef'))
  await client.create(secrets, token('nosign', { 'usage-bootstrap-signing': 'false' }))
  const signatures = await signaturesOf(cluster)
  assert.deepEqual(Object.keys(signatures), ['jws-kubeconfig-abcdef'])
  const [header, nothing, signature] = signatures['jws-kubeconfig-abcdef']!.split('.')
  assert.equal(nothing, '')
  const compact = `${header}.${Buffer.from(CONTENT).toString('base64url')}.${signature}`
  // The payload is no claims set, which is found only after the signature has been.
  await assert.rejects(jwtVerify(compact, Buffer.from(SECRET)), /JWT Claims Set must be|not valid JSON|Invalid JWT/i)
  await assert.rejects(jwtVerify(compact, Buffer.from('another')), /signature verification failed/)
  assert.deepEqual(JSON.parse(Buffer.from(header!, 'base64url').toString()), { alg: 'HS256', kid: 'abcdef' })
})

test('a signature goes with its token, and changes with what it signs', async () => {
  await using cluster = await startTestCluster({ transport: 'in process' })
  const { client } = cluster
  await client.create(configMaps, clusterInfo({ kubeconfig: CONTENT, 'jws-kubeconfig-forged': 'x..y' }))
  await client.create(secrets, token('abcdef'))
  const before = await signaturesOf(cluster)
  assert.deepEqual(Object.keys(before), ['jws-kubeconfig-abcdef'])
  await client.patch(configMaps, INFO, { data: { kubeconfig: `${CONTENT}# changed\n` } }, { type: 'merge' })
  const after = await signaturesOf(cluster)
  assert.notEqual(after['jws-kubeconfig-abcdef'], before['jws-kubeconfig-abcdef'])
  await client.delete(secrets, 'kube-system/bootstrap-token-abcdef')
  assert.deepEqual(await signaturesOf(cluster), {})
})

test('a token is deleted, and signs no more, at the moment it expires; one whose time is unreadable is deleted at once', async () => {
  await using cluster = await startTestCluster({ transport: 'in process' })
  const { client, clock } = cluster
  await client.create(configMaps, clusterInfo({ kubeconfig: CONTENT }))
  await client.create(secrets, token('abcdef', { expiration: inSeconds(cluster, 60) }))
  await client.create(secrets, token('broken', { expiration: 'tomorrow' }))
  await client.create(secrets, token('forevr'))
  assert.deepEqual(Object.keys(await signaturesOf(cluster)).sort(), ['jws-kubeconfig-abcdef', 'jws-kubeconfig-forevr'])
  assert.equal(await client.find(secrets, 'kube-system/bootstrap-token-broken'), undefined)
  await clock.advance(59_000)
  assert.ok(await client.find(secrets, 'kube-system/bootstrap-token-abcdef'))
  await clock.advance(1_000)
  assert.equal(await client.find(secrets, 'kube-system/bootstrap-token-abcdef'), undefined)
  assert.deepEqual(Object.keys(await signaturesOf(cluster)), ['jws-kubeconfig-forevr'])
})
