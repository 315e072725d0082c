import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { Agent } from 'node:https'
import test from 'node:test'
import { nodes, type Pod, serviceAccounts, type TokenRequest } from '#api'
import { systemClock, systemRandom } from '#base'
import { createAuthority, identities, type Pki } from '#cluster'
import { issueOdd, type KubeletCredentials, type KubeletLab, type OddCertificate, startKubeletLab } from '#testing'

const UPGRADE = { connection: 'Upgrade', upgrade: 'SPDY/3.1' }
const EXEC = '/exec/default/web/main?command=id&output=1'

const WEB: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default' },
  spec: { containers: [{ name: 'main', image: 'i' }] },
}

/** Everything that a kubelet serves, and what it does not. */
const PATHS = [
  '/healthz',
  '/pods',
  '/runningpods/',
  '/metrics',
  '/metrics/cadvisor',
  '/stats/summary',
  '/configz',
  '/containerLogs/default/web/main',
  '/logs/',
  '/exec/default/web/main?command=id&output=1',
  '/run/default/web/main?cmd=id',
  '/attach/default/web/main?output=1',
  '/portForward/default/web',
  '/checkpoint/default/web/main',
  '/debug/pprof/',
  '/',
]

const apiServer = (lab: KubeletLab): Promise<KubeletCredentials> => lab.certificateFor(identities.kubeletClient.commonName)

async function tokenOf({ api }: KubeletLab, name: string, audiences: string[] = []): Promise<KubeletCredentials> {
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: 'default' } }
  if ((await api.client.find(serviceAccounts, `default/${name}`)) === undefined) await api.client.create(serviceAccounts, account)
  const body: TokenRequest = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences, expirationSeconds: 3600 },
  }
  const { status } = await api.client.createSubresource(serviceAccounts as never, `default/${name}`, 'token', body)
  return { token: status!.token }
}

test('who shows nothing is let near no path of a kubelet, by no method, and opens no stream', async () => {
  await using lab = await startKubeletLab()
  await lab.run(WEB)
  for (const path of PATHS) {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'])
      assert.deepEqual(await lab.call(path, {}, { method }), { status: 401, body: 'Unauthorized' }, `${method} ${path}`)
    assert.equal((await lab.call(path, {}, { headers: UPGRADE })).status, 401, path)
  }
  // Headers by which others vouch for somebody are nobody's here, and neither are other schemes.
  const others: readonly Readonly<Record<string, string>>[] = [
    { 'x-remote-user': 'kubernetes-admin', 'x-remote-group': 'system:masters' },
    { 'impersonate-user': 'kubernetes-admin', 'impersonate-group': 'system:masters' },
    { authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}` },
    { authorization: 'Bearer' },
    { authorization: 'Bearer ' },
  ]
  for (const headers of others) assert.equal((await lab.call('/pods', {}, { headers })).status, 401, JSON.stringify(headers))
  assert.deepEqual(lab.opened, [])
})

const admin: OddCertificate = { subject: [{ O: ['system:masters'] }, { CN: ['admin'] }] }
const HOUR_MS = 3_600_000

const REFUSED: Readonly<Record<string, (pki: Pki) => Promise<{ readonly certificate: string; readonly key: string }>>> = {
  'of another authority': async () =>
    issueOdd(await createAuthority('foreign', { clock: systemClock, random: systemRandom }), admin),
  'of an authority of the same name': async () =>
    issueOdd(await createAuthority('kubernetes-client-ca', { clock: systemClock, random: systemRandom }), admin),
  'of the authority of servers': (pki) => issueOdd(pki.serverCA, admin),
  'of the authority of front proxies': (pki) => issueOdd(pki.frontProxyCA, admin),
  'that has expired': (pki) => issueOdd(pki.clientCA, { ...admin, notAfter: new Date(Date.now() - HOUR_MS) }),
  'that is not yet valid': (pki) => issueOdd(pki.clientCA, { ...admin, notBefore: new Date(Date.now() + HOUR_MS) }),
  'for servers only': (pki) => issueOdd(pki.clientCA, { ...admin, usages: ['server'] }),
  'with a critical extension that nobody knows': (pki) =>
    issueOdd(pki.clientCA, { ...admin, criticalExtension: '1.3.6.1.4.1.99999.1' }),
  'signed by a user': async (pki) => issueOdd(await issueOdd(pki.clientCA, admin), admin),
  'without a common name': (pki) => issueOdd(pki.clientCA, { subject: [{ O: ['system:masters'] }] }),
  'with two uids': (pki) =>
    issueOdd(pki.clientCA, { subject: [...admin.subject, { '1.3.6.1.4.1.57683.2': ['1'] }, { '1.3.6.1.4.1.57683.2': ['2'] }] }),
}

test('a client certificate that is not good names nobody to a kubelet', async (context) => {
  await using lab = await startKubeletLab()
  await lab.run(WEB)
  const show = async (pair: { readonly certificate: string; readonly key: string }) => {
    const credentials = { cert: pair.certificate, key: pair.key }
    return [(await lab.call('/pods', credentials)).status, (await lab.call(EXEC, credentials, { headers: UPGRADE })).status]
  }
  for (const [what, issue] of Object.entries(REFUSED))
    await context.test(`one ${what}`, async () => assert.deepEqual(await show(await issue(lab.pki)), [401, 401]))
  assert.deepEqual(lab.opened, [])
  // The tests show something: the same subject as it should be opens everything.
  assert.deepEqual(await show(await issueOdd(lab.pki.clientCA, admin)), [200, 101])
  // Of several names the last counts, as for the API server: two who read one certificate see one user.
  const several = await issueOdd(lab.pki.clientCA, { subject: [{ CN: ['kube-apiserver-kubelet-client'] }, { CN: ['ann'] }] })
  assert.match((await lab.call('/pods', { cert: several.certificate, key: several.key })).body, /^Forbidden \(user=ann,/)
})

test('a connection to a kubelet outlives the certificate that it began with by no request', async () => {
  await using lab = await startKubeletLab()
  using stack = new DisposableStack()
  const agent = stack.adopt(new Agent({ keepAlive: true, maxSockets: 1 }), (each) => each.destroy())
  const { certificate, key } = await issueOdd(lab.pki.clientCA, { ...admin, notAfter: new Date(Date.now() + HOUR_MS / 6) })
  const call = async (): Promise<number> => (await lab.call('/pods', { cert: certificate, key }, { agent })).status
  assert.equal(await call(), 200)
  await lab.clock.advance(HOUR_MS / 5)
  assert.equal(await call(), 401)
})

test('the certificate of a node opens nothing of another node’s kubelet, nor of its own', async () => {
  await using lab = await startKubeletLab()
  await lab.api.client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-2' } })
  await lab.run(WEB)
  for (const name of ['node-2', 'node-1']) {
    const node = await lab.certificateFor(`system:node:${name}`, ['system:nodes'])
    for (const path of PATHS) {
      const { status, body } = await lab.call(path, node)
      assert.equal(status, 403, `${name} ${path}`)
      assert.match(body, new RegExp(`^Forbidden \\(user=system:node:${name}, verb=get, resource=nodes, subresource\\(s\\)=\\[`))
    }
    assert.equal((await lab.call(EXEC, node, { headers: UPGRADE })).status, 403)
  }
  assert.deepEqual(lab.opened, [])
})

test('a token opens what its account may do on nodes, and no more: metrics are no logs, and neither is a stream', async () => {
  await using lab = await startKubeletLab()
  await lab.run(WEB)
  const opens = async (credentials: KubeletCredentials): Promise<string[]> => {
    const found: string[] = []
    for (const path of PATHS) if (![401, 403].includes((await lab.call(path, credentials)).status)) found.push(path)
    if ((await lab.call(EXEC, credentials, { headers: UPGRADE })).status !== 403) found.push('exec')
    return found
  }
  assert.deepEqual(await opens(await tokenOf(lab, 'nobody')), [])
  const may = { metrics: ['/metrics', '/metrics/cadvisor'], log: ['/logs/'], stats: ['/stats/summary'], healthz: ['/healthz'] }
  for (const [subresource, paths] of Object.entries(may)) {
    const token = await tokenOf(lab, subresource)
    await lab.grant({ kind: 'ServiceAccount', name: subresource, namespace: 'default' }, subresource)
    assert.deepEqual(await opens(token), paths, subresource)
  }
  // For another audience it is nobody's token.
  assert.equal((await lab.call('/metrics', await tokenOf(lab, 'metrics', ['https://vault.example.com']))).status, 401)
  assert.deepEqual(lab.opened, [])
})

test('a path that climbs, is encoded twice or spelt oddly leads a kubelet to no file, no other pod and no stream', async () => {
  await using lab = await startKubeletLab()
  await lab.run(WEB)
  const known = await apiServer(lab)
  const expected: Readonly<Record<string, number>> = {
    '/containerLogs/default/web/..%2f..%2f..%2fetc%2fpasswd': 404,
    '/containerLogs/default/..%2f..%2fkube-system%2fdns/main': 404,
    '/containerLogs/..%2fdefault/web/main': 404,
    '/containerLogs/default/web/main%00': 404,
    '/containerLogs/default/web/main%2f..': 404,
    '/containerLogs/default/web/%252e%252e%252fmain': 404,
    '/containerLogs/default/web/constructor': 404,
    '/containerLogs/default/__proto__/main': 404,
    '/containerLogs/default/web': 400,
    '/containerLogs/default/web/%zz': 400,
    '/logs/..%2f..%2fetc%2fshadow': 404,
    '/logs/../../etc/shadow': 404,
    '/..%2f..%2fetc/passwd': 404,
    '/stats/..%2fpods': 404,
    '/pods%2f..%2fexec/default/web/main': 404,
    '//pods': 200,
  }
  for (const [path, status] of Object.entries(expected)) {
    const { body } = await lab.call(path, known)
    assert.equal((await lab.call(path, known)).status, status, `${path}: ${body}`)
    assert.doesNotMatch(body, /root:/)
  }
  const streams: Readonly<Record<string, number>> = {
    '/exec/default/..%2fweb/main?command=id&output=1': 404,
    '/exec/default/web/..%2fmain?command=id&output=1': 404,
    '/exec/default/web/main%00?command=id&output=1': 404,
    '/exec/default/other/main?command=id&output=1': 404,
    '/exec/kube-system/web/main?command=id&output=1': 404,
    '/exec/default/web/constructor?command=id&output=1': 404,
    '/exec%2fdefault/web/main?command=id&output=1': 404,
    '/portForward/default/..%2fweb': 404,
    '/exec/default/web/%zz': 400,
  }
  for (const [path, status] of Object.entries(streams))
    assert.equal((await lab.call(path, known, { headers: UPGRADE })).status, status, path)
  // The right to a harmless path leads no further, whatever is made of it on the way.
  const reader = await lab.certificateFor('reader')
  await lab.grant({ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'reader' }, 'metrics')
  for (const path of ['/metrics/../exec/default/web/main?command=id', '/metrics/%2e%2e/exec/default/web/main?command=id'])
    assert.equal((await lab.call(path, reader, { headers: UPGRADE })).status, 403, path)
  for (const path of ['/metrics%2f..%2fexec/default/web/main?command=id', '/metrics/..%2fexec/default/web/main?command=id'])
    assert.notEqual((await lab.call(path, reader, { headers: UPGRADE })).status, 101, path)
  for (const line of ['GET https://elsewhere/exec/default/web/main?command=id', 'GET //exec/default/web/main?command=id']) {
    const head = `${line} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: SPDY/3.1\r\n\r\n`
    assert.match(await lab.raw(head, reader), /^HTTP\/1\.1 403 /, line)
  }
  assert.deepEqual(lab.opened, [])
})

test('options of a log that a kubelet can not read, or that make no sense, are refused before anything is sent', async () => {
  await using lab = await startKubeletLab()
  await lab.run(WEB)
  const known = await apiServer(lab)
  const ask = (query: string) => lab.call(`/containerLogs/default/web/main?${query}`, known)
  for (const query of ['tailLines=abc', 'limitBytes=1e9', 'sinceSeconds=99999999999999999999', 'sinceTime=yesterday'])
    assert.deepEqual(await ask(query), { status: 400, body: '{"message": "Unable to decode query."}' }, query)
  for (const query of ['tailLines=-1', 'limitBytes=0', 'sinceSeconds=-5', 'stream=..%2f..', 'stream=Stdout&tailLines=1'])
    assert.deepEqual(await ask(query), { status: 422, body: '{"message": "Invalid request."}' }, query)
  assert.deepEqual(await lab.call('/containerLogs/default/web/side', known), {
    status: 404,
    body: 'container "side" not found in pod "web"',
  })
})

test('a stream is opened by a wish for it, by GET and POST alone; elsewhere the wish is passed over', async () => {
  await using lab = await startKubeletLab()
  await lab.run(WEB)
  const known = { cert: await issueOdd(lab.pki.clientCA, admin) }
  const credentials = { cert: known.cert.certificate, key: known.cert.key }
  for (const method of ['GET', 'POST'])
    assert.deepEqual(await lab.call(EXEC, credentials, { method }), { status: 400, body: 'Upgrade request required' })
  for (const method of ['PUT', 'PATCH', 'DELETE'])
    assert.equal((await lab.call(EXEC, credentials, { method, headers: UPGRADE })).status, 405, method)
  for (const method of ['POST', 'DELETE']) assert.equal((await lab.call('/pods', credentials, { method })).status, 405, method)
  assert.deepEqual(lab.opened, [])
  for (const upgrade of ['h2c', 'websocket', 'SPDY/3.1']) {
    const { status, body } = await lab.call('/healthz', credentials, { headers: { connection: 'Upgrade', upgrade } })
    assert.deepEqual([status, body], [200, 'ok'], upgrade)
  }
  assert.equal((await lab.call(EXEC, credentials, { headers: UPGRADE })).status, 101)
  assert.equal(lab.opened.length, 1)
})

test('a huge head is refused, and who drips a head, a body or a handshake is cut off while others are served', async () => {
  const limits = { handshakeMs: 150, headersMs: 150, requestMs: 250, checkEveryMs: 25 }
  await using lab = await startKubeletLab({ limits })
  const known = await apiServer(lab)
  const huge = await lab.call('/healthz', known, {
    headers: { authorization: `Bearer ${'x'.repeat(15_000)}`, more: 'x'.repeat(15_000) },
  })
  assert.equal(huge.status, 431)
  const lines = Array.from({ length: 1_500 }, (_, index) => `a${index}: b${'c'.repeat(8)}\r\n`).join('')
  assert.match(await lab.raw(`GET /healthz HTTP/1.1\r\nHost: x\r\n${lines}\r\n`, known), /^HTTP\/1\.1 431 /)
  // Smuggling: what two readers could see differently is refused, and what follows it is no request.
  for (const head of ['Content-Length: 5\r\nTransfer-Encoding: chunked', 'Content-Length: 5\r\nContent-Length: 6', 'A : b'])
    assert.match(await lab.raw(`POST /pods HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n`, known), /^HTTP\/1\.1 400 /, head)
  const [slowHead, slowBody, silent] = [
    lab.raw('GET /healthz HTTP/1.1\r\nHost: x\r\nA', known),
    lab.raw('GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx', known),
    lab.raw('', known),
  ]
  assert.equal((await lab.call('/healthz', known)).status, 200)
  assert.match(await slowHead, /^HTTP\/1\.1 408 /)
  // It is answered by its head; nobody waits for the rest of it.
  assert.match(await slowBody, /^HTTP\/1\.1 200 OK/)
  assert.match(await silent, /^(HTTP\/1\.1 408 |$)/)
})

const ADMIN = { commonName: 'admin', organizations: ['system:masters'], usages: ['client'] } as const

test('the authority of a kubelet’s clients is replaced while it serves, by way of both, and its own certificate too', async () => {
  await using lab = await startKubeletLab()
  using stack = new DisposableStack()
  const next = await createAuthority('kubernetes-client-ca', { clock: systemClock, random: systemRandom })
  const [oldClient, newClient] = await Promise.all(
    [lab.pki.clientCA, next].map(async (ca) => {
      const { certificate, key } = await ca.issue(ADMIN)
      const agent = stack.adopt(new Agent({ keepAlive: true, maxSockets: 1 }), (each) => each.destroy())
      return async (): Promise<number> => (await lab.call('/pods', { cert: certificate, key }, { agent })).status
    }),
  )
  assert.deepEqual([await oldClient!(), await newClient!()], [200, 401])
  lab.kubelet.replaceClientAuthority(lab.pki.clientCA.certificate + next.certificate)
  // Its connection was made when nobody knew its authority; the next is known.
  const fresh = await next.issue(ADMIN)
  const call = async (): Promise<number> => (await lab.call('/pods', { cert: fresh.certificate, key: fresh.key })).status
  assert.deepEqual([await oldClient!(), await call()], [200, 200])
  lab.kubelet.replaceClientAuthority(next.certificate)
  assert.deepEqual([await oldClient!(), await call()], [401, 200])
  assert.throws(() => lab.kubelet.replaceClientAuthority('nothing'), /does not contain any valid/)
  assert.equal(await call(), 200)
  const serving = await lab.pki.serverCA.issue(identities.kubeletServer('node-1', ['127.0.0.1']))
  lab.kubelet.replaceServingCertificate(serving)
  const socket = lab.dial()
  await new Promise((resolve) => socket.once('secureConnect', resolve))
  assert.equal(socket.getPeerX509Certificate()?.fingerprint256, new X509Certificate(serving.certificate).fingerprint256)
  socket.destroy()
  assert.equal(await call(), 200)
})
