import assert from 'node:assert/strict'
import test from 'node:test'
import { serviceAccounts, type TokenRequest } from '#api'
import { identities } from '#cluster'
import { startKubeletLab } from '#testing'
import { subresourcesOf } from './access.ts'

test('a path of the kubelet maps to subresources of its node, the narrow one first', () => {
  const cases: Record<string, string> = {
    '/stats/summary': 'stats',
    '/metrics': 'metrics',
    '/metrics/cadvisor': 'metrics',
    '/logs/syslog': 'log',
    '/pods': 'pods proxy',
    '/runningpods/': 'pods proxy',
    '/healthz': 'healthz proxy',
    '/healthz/syncloop': 'healthz proxy',
    '/configz': 'configz proxy',
    '/checkpoint/a/b/c': 'checkpoint',
    '/exec/a/b/c': 'proxy',
    '/podsy': 'proxy',
    '/constructor': 'proxy',
    '/': 'proxy',
  }
  for (const [path, expected] of Object.entries(cases)) assert.equal(subresourcesOf(path).join(' '), expected, path)
})

test('nobody uses the kubelet unnamed, and a certificate of another authority names nobody', async () => {
  await using node = await startKubeletLab()
  for (const path of ['/healthz', '/pods', '/nonsense'])
    assert.deepEqual(await node.call(path), { status: 401, body: 'Unauthorized' })
  const foreign = await node.pki.serverCA.issue({
    commonName: 'kubernetes-admin',
    organizations: ['system:masters'],
    usages: ['client'],
  })
  assert.equal((await node.call('/pods', { cert: foreign.certificate, key: foreign.key })).status, 401)
  assert.equal((await node.call('/pods', { token: 'made-up' })).status, 401)
  assert.equal(
    (await node.call('/exec/default/web/main', {}, { headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1' } })).status,
    401,
  )
})

test('every request is authorised as its verb on a subresource of this node', async () => {
  await using node = await startKubeletLab()
  const ann = await node.certificateFor('ann', ['readers'])
  assert.deepEqual(await node.call('/pods', ann), {
    status: 403,
    body: 'Forbidden (user=ann, verb=get, resource=nodes, subresource(s)=[pods proxy])',
  })
  assert.equal(
    (await node.call('/exec/default/web/main', ann, { headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1' } })).status,
    403,
  )
  await node.grant({ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'readers' }, 'configz')
  assert.equal((await node.call('/configz', ann)).status, 200)
  assert.equal((await node.call('/metrics', ann)).status, 403)
})

test("the API server's own client may do everything, by its role and not as a superuser", async () => {
  await using node = await startKubeletLab()
  const { commonName } = identities.kubeletClient
  const apiServer = await node.certificateFor(commonName)
  for (const path of ['/healthz', '/pods', '/runningpods/', '/configz', '/metrics'])
    assert.equal((await node.call(path, apiServer)).status, 200, path)
  assert.deepEqual(await node.call('/nonsense', apiServer), { status: 404, body: '404 page not found' })
  // Not in the role upstream gives it.
  assert.equal((await node.call('/checkpoint/a/b/c', apiServer)).status, 403)
})

test('a bearer token is reviewed once in two minutes; a verdict holds five minutes when good and half a minute when bad', async () => {
  await using node = await startKubeletLab()
  const { api, asked, clock } = node
  await api.client.create(serviceAccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'monitor', namespace: 'default' },
  })
  const body: TokenRequest = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: [], expirationSeconds: 3600 },
  }
  const { status } = await api.client.createSubresource(serviceAccounts as never, 'default/monitor', 'token', body)
  const token = status!.token
  asked.length = 0
  const reviews = (): Record<string, number> => {
    const counts: Record<string, number> = {}
    for (const kind of asked.splice(0)) counts[kind] = (counts[kind] ?? 0) + 1
    return counts
  }
  assert.match(
    (await node.call('/stats/summary', { token })).body,
    /^Forbidden \(user=system:serviceaccount:default:monitor, verb=get/,
  )
  assert.equal((await node.call('/stats/summary', { token })).status, 403)
  assert.deepEqual(reviews(), { tokenreviews: 1, subjectaccessreviews: 1 })
  await node.grant({ kind: 'ServiceAccount', name: 'monitor', namespace: 'default' }, 'stats')
  assert.equal((await node.call('/stats/summary', { token })).status, 403)
  await clock.advance(30_001)
  assert.equal((await node.call('/stats/summary', { token })).status, 200)
  assert.deepEqual(reviews(), { subjectaccessreviews: 1 })
  await clock.advance(2 * 60_000)
  assert.equal((await node.call('/stats/summary', { token })).status, 200)
  assert.deepEqual(reviews(), { tokenreviews: 1 })
  await clock.advance(3 * 60_000)
  assert.equal((await node.call('/stats/summary', { token })).status, 200)
  assert.deepEqual(reviews(), { tokenreviews: 1, subjectaccessreviews: 1 })
})
