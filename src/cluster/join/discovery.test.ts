import assert from 'node:assert/strict'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import { configMaps, roleBindings, roles } from '#api'
import { type Clock, systemClock, systemRandom } from '#base'
import { inlineKubeconfig, printKubeconfig } from '#client'
import { createAuthority, publicKeyHash } from '#cluster'
import { signatureOf } from '#controllers'
import { startTestApiServer } from '#testing'
import { discoverAuthority } from './discovery.ts'

const TOKEN = { id: 'abcdef', secret: '0123456789abcdef' }
const dependencies = { clock: systemClock, random: systemRandom }
const authorities = Promise.all([createAuthority('a', dependencies), createAuthority('b', dependencies)])
const serving = { commonName: 'kube-apiserver', hosts: ['127.0.0.1'], usages: ['server'] } as const

const infoNaming = (ca: string): Promise<string> =>
  printKubeconfig(inlineKubeconfig({ name: '', server: 'https://192.0.2.1:6443', ca, certificate: '', key: '' }))

const shifted = (byMs: number): Clock => ({ ...systemClock, now: () => systemClock.now() + byMs })

interface Setup {
  /** What cluster-info says is the authority. */
  readonly named?: string
  readonly signedBy?: typeof TOKEN
}

/** A real API server over TLS that publishes a signed cluster-info, and what joins it. */
async function start({ named, signedBy = TOKEN }: Setup = {}) {
  await using stack = new AsyncDisposableStack()
  const [authority] = await authorities
  const api = stack.use(await startTestApiServer())
  const listener = stack.use(
    await api.server.listen({
      host: '127.0.0.1',
      port: 0,
      tls: { ...(await authority.issue(serving)), clientCA: authority.certificate },
    }),
  )
  const kubeconfig = await infoNaming(named ?? authority.certificate)
  const metadata = { namespace: 'kube-public', name: 'cluster-info' }
  const signature = signatureOf(kubeconfig, signedBy)
  await api.client.create(configMaps, { metadata, data: { kubeconfig, [`jws-kubeconfig-${signedBy.id}`]: signature } })
  await api.client.create(roles, { metadata, rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }] })
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'cluster-info' }
  const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'system:anonymous' }]
  await api.client.create(roleBindings, { metadata, roleRef, subjects })
  const server = `https://127.0.0.1:${listener.port}`
  const owned = stack.move()
  const discover = (more: Partial<Parameters<typeof discoverAuthority>[0]> = {}): Promise<string> =>
    discoverAuthority({ server, token: TOKEN, clock: systemClock, signal: new AbortController().signal, ...more })
  return { authority, api, server, discover, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

test('a joining machine learns the authority by its token alone, or by a pinned hash as well', async () => {
  await using cluster = await start()
  const certificate = cluster.authority.certificate
  assert.equal(await cluster.discover(), certificate)
  assert.equal(await cluster.discover({ caHash: publicKeyHash(certificate) }), certificate)
})

test('an authority that is not the pinned one is refused, though the token vouches for it', async () => {
  await using cluster = await start()
  const [, other] = await authorities
  await assert.rejects(cluster.discover({ caHash: publicKeyHash(other.certificate) }), /is not the one that --ca-cert-hash names/)
})

test('who does not know the token can not name an authority', async () => {
  await using cluster = await start({ signedBy: { ...TOKEN, secret: 'ffffffffffffffff' } })
  await assert.rejects(cluster.discover(), /does not know the secret half of the token abcdef/)
})

test('a server whose own certificate is not of the authority it names is refused', async () => {
  const [, other] = await authorities
  await using cluster = await start({ named: other.certificate })
  await assert.rejects(cluster.discover(), /has a certificate of another authority than the cluster's/)
})

test('a token that is unknown, expired or may not sign is told apart from a wrong one', async () => {
  await using cluster = await start()
  await assert.rejects(
    cluster.discover({ token: { ...TOKEN, id: 'zzzzzz' } }),
    /knows no token with the id zzzzzz, or it has expired/,
  )
})

test('a cluster that publishes nothing, or forbids reading it, is told in a sentence', async () => {
  await using cluster = await start()
  await cluster.api.client.delete(roleBindings, 'kube-public/cluster-info')
  await assert.rejects(cluster.discover(), /publishes no cluster-info, so nothing can join by a token/)
})

test('clocks that differ too much are told by how much', async () => {
  await using cluster = await start()
  await assert.rejects(
    cluster.discover({ clock: shifted(61 * 60_000) }),
    /this machine's clock is 61 minutes ahead of that of https/,
  )
  await assert.rejects(
    cluster.discover({ clock: shifted(-61 * 60_000) }),
    /this machine's clock is 61 minutes behind that of https/,
  )
})

test('a server that says another thing when it is trusted is refused', async () => {
  const [authority] = await authorities
  const kubeconfig = await infoNaming(authority.certificate)
  const { certificate, key } = await authority.issue(serving)
  let asked = 0
  const server = createServer({ cert: certificate, key }, (_request, response) => {
    const said = asked++ === 0 ? kubeconfig : `${kubeconfig}# more\n`
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ data: { kubeconfig: said, 'jws-kubeconfig-abcdef': signatureOf(said, TOKEN) } }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const discovering = discoverAuthority({ server: url, token: TOKEN, clock: systemClock, signal: new AbortController().signal })
  await assert.rejects(discovering, /said something else when asked again/)
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

test('a server that is not there is told with what to check', async () => {
  let url = ''
  {
    await using cluster = await start()
    url = cluster.server
  }
  const input = { token: TOKEN, clock: systemClock, signal: new AbortController().signal }
  await assert.rejects(
    discoverAuthority({ ...input, server: url }),
    /nothing listens at https:\/\/127\.0\.0\.1:\d+; check --server/,
  )
})
