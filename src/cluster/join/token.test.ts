import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps, nodes, secrets } from '#api'
import { isForbidden } from '#meta'
import { startTestCluster, type TestCluster } from '#testing'
import { publishJoining } from './publish.ts'
import { createToken, deleteToken, JOINERS, listTokens } from './token.ts'

const SETTINGS = {
  clusterId: 'a',
  clusterCIDR: '10.244.0.0/16',
  clusterDNS: '10.96.0.10',
  clusterDomain: 'cluster.local',
  clientCA: 'x',
}
const INFO = 'kube-public/cluster-info'
const OPTIONS = { ttlMs: 3_600_000, groups: [JOINERS], usages: ['authentication', 'signing'] } as const

async function start(): Promise<TestCluster> {
  const cluster = await startTestCluster({ transport: 'in process' })
  await publishJoining(cluster.client, { server: 'https://192.0.2.1:6443', ca: 'CA', settings: SETTINGS })
  return cluster
}

test('a token that was made is signed with when it is handed out, and anybody may read that', async () => {
  await using cluster = await start()
  const { client, clock, random } = cluster
  const creating = createToken(client, OPTIONS, { clock, random })
  await clock.advance(0)
  const token = await creating
  assert.match(token, /^[a-z0-9]{6}\.[a-z0-9]{16}$/)
  const anonymous = cluster.clientFor({ username: 'system:anonymous', groups: ['system:unauthenticated'] })
  const { data } = await anonymous.get(configMaps, INFO)
  assert.ok(data?.[`jws-kubeconfig-${token.slice(0, 6)}`])
  assert.match(data['kubeconfig']!, /server: https:\/\/192\.0\.2\.1:6443/)
  await assert.rejects(anonymous.list(configMaps, { namespace: 'kube-public' }), isForbidden)
  await assert.rejects(anonymous.get(secrets, `kube-system/bootstrap-token-${token.slice(0, 6)}`), isForbidden)
  const [view] = await listTokens(client)
  assert.deepEqual(view, {
    token,
    expiresAtMs: clock.now() + OPTIONS.ttlMs,
    usages: OPTIONS.usages,
    description: '',
    groups: [JOINERS],
  })
})

test('publishing again keeps the signatures, and changes nothing', async () => {
  await using cluster = await start()
  const { client, clock, random } = cluster
  const creating = createToken(client, { ...OPTIONS, token: 'abcdef.0123456789abcdef' }, { clock, random })
  await clock.advance(0)
  await creating
  const before = await client.get(configMaps, INFO)
  await publishJoining(client, { server: 'https://192.0.2.1:6443', ca: 'CA', settings: SETTINGS })
  assert.deepEqual(await client.get(configMaps, INFO), before)
})

test('who holds a token may look whether its name is taken, and no more', async () => {
  await using cluster = await start()
  const joiner = cluster.clientFor({
    username: 'system:bootstrap:abcdef',
    groups: ['system:bootstrappers', JOINERS, 'system:authenticated'],
  })
  assert.equal(await joiner.find(nodes, 'node-1'), undefined)
  assert.ok((await joiner.get(configMaps, 'kube-system/t8s-node-config')).data?.['node.json'])
  await assert.rejects(joiner.list(nodes), isForbidden)
  await assert.rejects(joiner.list(secrets, { namespace: 'kube-system' }), isForbidden)
})

test('a token of a wrong form, of a taken id, or one that is not there is refused in a sentence', async () => {
  await using cluster = await start()
  const { client, clock, random } = cluster
  const make = (token: string): Promise<string> =>
    createToken(client, { ...OPTIONS, token, usages: ['authentication'] }, { clock, random })
  await assert.rejects(make('short.token'), /a token has the form abcdef\.0123456789abcdef, which 'short\.token' has not/)
  await make('abcdef.0123456789abcdef')
  await assert.rejects(make('abcdef.ffffffffffffffff'), /there is a token with the id abcdef already; delete it with/)
  await deleteToken(client, 'abcdef.0123456789abcdef')
  await assert.rejects(deleteToken(client, 'abcdef'), /there is no token with the id abcdef; see 't8s token list'/)
  await assert.rejects(deleteToken(client, 'abc'), /a token's id has six characters/)
})
