import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { type ConfigMap, configMaps, namespaces, nodes } from '#api'
import { nullLog, systemClock, systemRandom, VirtualClock } from '#base'
import { createClient, httpTransport } from '#client'
import { openMemoryStore } from '#store'
import { startControlPlane } from './control-plane.ts'
import { createPki, identities } from './pki-directory.ts'

const DAY_MS = 24 * 3_600_000
/** Issued so long ago that the year is nearly over, so that what is renewed in virtual time is valid in the real time of TLS. */
const AGE_DAYS = 330
const NAMES = ['apiserver', 'apiserver-kubelet-client', 'front-proxy-client'] as const

/** The fingerprint of the certificate that a new connection is shown, checked against the authority. */
async function shownAt(port: number, ca: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, ca })
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}

test('a control plane renews its certificates in time, for servers and clients, without a restart, a lost watch or a failed request', async () => {
  const clock = new VirtualClock(Date.now() - AGE_DAYS * DAY_MS)
  const pki = await createPki({ clock, random: systemRandom })
  await using stack = new AsyncDisposableStack()
  const store = stack.use(openMemoryStore({ clock: systemClock }))
  const control = stack.use(
    await startControlPlane({
      store,
      pki,
      clock: systemClock,
      random: systemRandom,
      log: nullLog,
      listen: { host: '127.0.0.1', port: 0 },
      advertiseAddress: '192.0.2.1',
      clusterCIDR: '10.244.0.0/16',
      serviceCIDR: '10.96.0.0/12',
      clusterDomain: 'cluster.local',
    }),
  )
  const shown = new Set<string>()
  const kubelet = createServer(
    {
      ...(await keyPair(pki.serverCA.issue(identities.kubeletServer('n1', ['127.0.0.1'])))),
      ca: pki.clientCA.certificate,
      requestCert: true,
    },
    (request, response) => {
      shown.add((request.socket as TLSSocket).getPeerCertificate().fingerprint256)
      response.end('ok')
    },
  )
  await new Promise<void>((resolve) => kubelet.listen(0, '127.0.0.1', resolve))
  stack.defer(() => {
    kubelet.closeAllConnections()
    kubelet.close()
  })
  const admin = await pki.clientCA.issue(identities.admin)
  const server = `https://127.0.0.1:${control.port}`
  const transport = stack.use(httpTransport({ server, ca: pki.serverCA.certificate, ...admin }))
  const client = createClient(transport)
  const { port } = kubelet.address() as AddressInfo
  await client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } })
  const status = {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
  }
  await client.patch(nodes, 'n1', { status }, { type: 'merge', subresource: 'status' })
  await client.find(namespaces, 'default')
  const map = (name: string): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } })
  const watching = client
    .watch(configMaps, { namespace: 'default', fieldSelector: 'metadata.name!=kube-root-ca.crt' })
    [Symbol.asyncIterator]()
  const askKubelet = async (): Promise<void> => {
    const answer = await client.request({ method: 'GET', path: '/api/v1/nodes/n1/proxy/healthz' })
    assert.equal(answer.status, 200)
    if (answer.body.kind === 'stream') for await (const _ of answer.body.stream);
  }
  const first = await shownAt(control.port, pki.serverCA.certificate)
  await askKubelet()
  const before = NAMES.map((name) => control.certificates[name].current!)
  const renewed = Promise.all(
    NAMES.map((name) => {
      const next = Promise.withResolvers<void>()
      stack.use(control.certificates[name].onChange(() => next.resolve()))
      return next.promise
    }),
  )
  let made = 0
  const events: string[] = []
  // A day at a time, with a request on a kept connection, one on a new one and an event of the watch in each.
  for (let day = 0; day < AGE_DAYS - 1; day++) {
    await clock.advance(DAY_MS)
    if (day % 10 !== 0) continue
    await client.create(configMaps, map(`c-${made++}`))
    const { value } = await watching.next()
    events.push(value!.object.metadata!.name!)
    await shownAt(control.port, pki.serverCA.certificate)
    await askKubelet()
  }
  await renewed
  await watching.return?.()
  assert.deepEqual(
    events,
    Array.from({ length: made }, (_, index) => `c-${index}`),
  )
  const now = clock.now()
  for (const [index, name] of NAMES.entries()) {
    const certificate = new X509Certificate(control.certificates[name].current!.certificate)
    assert.notEqual(certificate.fingerprint256, new X509Certificate(before[index]!.certificate).fingerprint256)
    assert.ok(Date.parse(certificate.validTo) - now > 200 * DAY_MS)
    // It was new before the other was over.
    assert.ok(Date.parse(certificate.validFrom) < Date.parse(new X509Certificate(before[index]!.certificate).validTo))
  }
  const last = await shownAt(control.port, pki.serverCA.certificate)
  assert.notEqual(last, first)
  assert.equal(last, new X509Certificate(control.certificates.apiserver.current!.certificate).fingerprint256)
  await askKubelet()
  assert.ok(shown.has(new X509Certificate(before[1]!.certificate).fingerprint256))
  assert.ok(shown.has(new X509Certificate(control.certificates['apiserver-kubelet-client'].current!.certificate).fingerprint256))
})

async function keyPair(issued: Promise<{ certificate: string; key: string }>): Promise<{ cert: string; key: string }> {
  const { certificate, key } = await issued
  return { cert: certificate, key }
}
