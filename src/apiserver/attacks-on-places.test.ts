import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import {
  type APIService,
  apiServices,
  configMaps,
  endpointSlices,
  type Node,
  nodes,
  pods,
  secrets,
  services,
  validatingWebhookConfigurations,
} from '#api'
import { systemClock, systemRandom } from '#base'
import { createAuthority } from '#cluster'
import {
  ask,
  createLoopbackService,
  makeNamespace,
  openDoor,
  podOf,
  refusal,
  settings,
  startAdmissionTest,
  startHttpsServer,
  startTestApiServer,
  type TestApiServer,
  validatingWebhooks,
  webhookTo,
} from '#testing'

const NODE = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } }
const KUBELET_PORT = 10_250

/** Says of the node where it is, as its kubelet does. */
async function place({ client }: TestApiServer, type: string, address: string, port = KUBELET_PORT): Promise<void> {
  const status = { addresses: [{ type, address }], daemonEndpoints: { kubeletEndpoint: { Port: port } } } as Node['status']
  await client.patch(nodes, 'n1', { status }, { type: 'merge', subresource: 'status' })
}

test('the proxy of a node leads to no port of the server’s own machine, its links or its neighbours, whatever the node says of itself', async () => {
  await using api = await startTestApiServer()
  await api.client.create(nodes, NODE)
  const places: readonly [type: string, address: string][] = [
    ['InternalIP', '127.0.0.1'],
    ['InternalIP', '127.8.8.8'],
    ['InternalIP', '169.254.169.254'],
    ['InternalIP', '::1'],
    ['InternalIP', '::ffff:127.0.0.1'],
    ['InternalIP', '::ffff:169.254.169.254'],
    ['InternalIP', '0.0.0.0'],
    ['InternalIP', 'fe80::1'],
    ['InternalIP', '224.0.0.1'],
    ['InternalIP', '239.1.1.1'],
    ['InternalIP', 'ff05::1'],
    ['InternalIP', '255.255.255.255'],
    // A name that leads to loopback.
    ['Hostname', 'localhost'],
    ['InternalDNS', 'localhost'],
  ]
  for (const [type, address] of places) {
    await place(api, type, address)
    for (const name of ['n1:6443', 'https:n1:6443', 'http:n1:80']) {
      const { code, object } = await ask(api, `GET /api/v1/nodes/${name}/proxy/`)
      assert.deepEqual([code, object.message], [400, 'address not allowed'], `${name} at ${address}`)
    }
  }
  for (const name of ['ftp:n1:21', 'n1:80:90:100', ':80', 'http::80', 'HTTPS:n1:443']) {
    const { code, object } = await ask(api, `GET /api/v1/nodes/${name}/proxy/`)
    assert.deepEqual([code, object.message], [400, `invalid node request ${JSON.stringify(name)}`])
  }
})

test('the port of a kubelet is asked for by its node’s name or that port, and any other by scheme and port, without the server’s certificate', async () => {
  const told: (string | undefined)[] = []
  const backend = createServer((request, response) => {
    told.push(request.url, request.headers.authorization)
    response.end('ok')
  })
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve))
  const { port } = backend.address() as AddressInfo
  const authority = await createAuthority('kubelets', { clock: systemClock, random: systemRandom })
  const { certificate, key } = await authority.issue({ commonName: 'kube-apiserver-kubelet-client', usages: ['client'] })
  // A server of another authority that sits where the kubelet should be.
  await using impostor = await startHttpsServer(['127.0.0.1'], () => ({}))
  try {
    await using api = await startTestApiServer({
      nodeConnection: { certificate, key, ca: authority.certificate },
      reachPod: (address) => (address === '10.0.0.7' ? '127.0.0.1' : address),
    })
    await api.client.create(nodes, NODE)
    await place(api, 'InternalIP', '10.0.0.7')
    const { code } = await ask(api, `GET /api/v1/nodes/http:n1:${port}/proxy/metrics?a=b`, {
      headers: { authorization: 'Bearer secret' },
    })
    assert.equal(code, 200)
    assert.deepEqual(told, ['/metrics?a=b', undefined])
    await place(api, 'InternalIP', '127.0.0.1', impostor.port)
    for (const name of ['n1', `n1:${impostor.port}`, `http:n1:${impostor.port}`]) {
      const { code, object } = await ask(api, `GET /api/v1/nodes/${name}/proxy/pods`)
      assert.equal(code, 503)
      assert.match(object.message, /^error trying to reach service: .*certificate/)
    }
    assert.deepEqual(impostor.requests, [])
  } finally {
    backend.closeAllConnections()
    backend.close()
  }
})

test('a node that names the API server as its kubelet makes it ask itself as who may do nothing but ask kubelets', async () => {
  const authority = await createAuthority('cluster', { clock: systemClock, random: systemRandom })
  const pair = await authority.issue({ commonName: 'kube-apiserver-kubelet-client', usages: ['client'] })
  const serving = await authority.issue({ commonName: 'kube-apiserver', hosts: ['127.0.0.1'], usages: ['server'] })
  await using stack = new AsyncDisposableStack()
  const api = stack.use(await startTestApiServer({ nodeConnection: { ...pair, ca: authority.certificate } }))
  const tls = { ...serving, clientCA: authority.certificate }
  const { port } = stack.use(await api.server.listen({ host: '127.0.0.1', port: 0, tls }))
  await api.client.create(nodes, NODE)
  await place(api, 'InternalIP', '127.0.0.1', port)
  await api.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'default' } })
  for (const path of [
    '/api/v1/secrets',
    '/api/v1/namespaces/default/secrets/s',
    '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  ]) {
    const { code, text } = await ask(api, `GET /api/v1/nodes/n1/proxy${path}`)
    assert.equal(code, 403, text)
  }
})

test('the proxies of pods and Services lead nowhere else in the clothes of IPv6, by names, by odd schemes and ports', async () => {
  await using api = await startTestApiServer({ reachPod: () => '127.0.0.1' })
  const { client } = api
  await makeNamespace(client, 'work')
  await client.create(pods, podOf('web', { nodeName: 'n1' }))
  for (const podIP of ['::ffff:127.0.0.1', '::ffff:a9fe:a9fe', '0.0.0.0']) {
    const status = { phase: 'Running', podIP, podIPs: [{ ip: podIP }] }
    // Some are refused when they are written, the others when they would be used.
    const written = await ask(api, 'PATCH /api/v1/namespaces/work/pods/web/status', {
      body: { status },
      headers: { 'content-type': 'application/merge-patch+json' },
    })
    if (written.code !== 200) continue
    const { code, object } = await ask(api, 'GET /api/v1/namespaces/work/pods/https:web:6443/proxy/')
    assert.deepEqual([code, object.message], [400, 'address not allowed'], podIP)
  }
  const spec = { ports: [{ port: 80 }] }
  await client.create(services, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a', namespace: 'work' }, spec })
  const slice = (addressType: string, address: string) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { generateName: 'a-', namespace: 'work', labels: { 'kubernetes.io/service-name': 'a' } },
    addressType,
    endpoints: [{ addresses: [address] }],
    ports: [{ port: 6443 }],
  })
  assert.match(
    await refusal(client.create(endpointSlices, slice('IPv6', '::ffff:127.0.0.1'))),
    /endpoints\[0\]\.addresses\[0\]: Invalid value: "::ffff:127.0.0.1"/,
  )
  // Names are allowed there, for those who resolve them themselves.
  await client.create(endpointSlices, slice('FQDN', 'web.localhost'))
  const external = { type: 'ExternalName', externalName: 'localhost' }
  await client.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'ext', namespace: 'work' },
    spec: external,
  })
  for (const name of ['a', 'https:a:80', 'ext', 'ext:6443']) {
    const { code, object } = await ask(api, `GET /api/v1/namespaces/work/services/${name}/proxy/`)
    assert.equal(code, 503, name)
    assert.match(object.message, /no endpoints available for service|no service port/)
  }
  for (const name of ['file:a:80', 'a:b:c:d', ':80', 'gopher:web:70']) {
    for (const [kinds, kind] of [
      ['services', 'service'],
      ['pods', 'pod'],
    ] as const) {
      const { code, object } = await ask(api, `GET /api/v1/namespaces/work/${kinds}/${name}/proxy/`)
      assert.deepEqual([code, object.message], [400, `invalid ${kind} request ${JSON.stringify(name)}`])
    }
  }
  const status = { phase: 'Running', podIP: '10.0.0.7', podIPs: [{ ip: '10.0.0.7' }] }
  await client.patch(pods, 'work/web', { status }, { type: 'merge', subresource: 'status' })
  for (const port of ['0', '65536', '99999999999']) {
    const { code } = await ask(api, `GET /api/v1/namespaces/work/pods/web:${port}/proxy/`)
    assert.equal(code, 503, port)
  }
})

test('a webhook behind a Service is not found by names that its endpoints hold', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  const spec = { ports: [{ port: 443 }] }
  await client.create(services, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'hook', namespace: 'work' }, spec })
  await client.create(endpointSlices, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'hook', namespace: 'work', labels: { 'kubernetes.io/service-name': 'hook' } },
    addressType: 'FQDN',
    endpoints: [{ addresses: ['metadata.example.com'] }],
    ports: [{ port: 443 }],
  })
  const clientConfig = { service: { namespace: 'work', name: 'hook' } }
  await validatingWebhooks(client, 'svc', webhookTo({ url: '', caBundle: '' }, '/svc', { clientConfig }))
  assert.match(await refusal(client.create(configMaps, settings('a'))), /no endpoints available for service "hook"$/)
  const url = 'https://a.b@169.254.169.254/'
  const changed = client.patch(
    validatingWebhookConfigurations,
    'svc',
    [{ op: 'replace', path: '/webhooks/0/clientConfig', value: { url } }],
    { type: 'json' },
  )
  assert.match(
    await refusal(changed),
    /webhooks\[0\]\.clientConfig\.url: Invalid value: "a\.b": user information is not permitted in the URL/,
  )
})

test('an APIService that names the API server itself is never available, so no request goes round', async () => {
  const authority = await createAuthority('cluster', { clock: systemClock, random: systemRandom })
  const proxyClient = await authority.issue({ commonName: 'front-proxy-client', usages: ['client'] })
  const serving = await authority.issue({ commonName: 'kube-apiserver', hosts: ['127.0.0.1'], usages: ['server'] })
  await using stack = new AsyncDisposableStack()
  const api = stack.use(await startTestApiServer({ proxyClient }))
  const tls = { ...serving, clientCA: authority.certificate, frontProxyCA: authority.certificate }
  const { port } = stack.use(await api.server.listen({ host: '127.0.0.1', port: 0, tls }))
  await createLoopbackService(api, { name: 'self', port: 443, targetPort: port })
  const name = 'v1.evil.example.com'
  const spec = {
    group: 'evil.example.com',
    version: 'v1',
    groupPriorityMinimum: 100,
    versionPriority: 100,
    insecureSkipTLSVerify: true,
  }
  const service = { namespace: 'default', name: 'self', port: 443 }
  await api.client.create(apiServices, {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name },
    spec: { ...spec, service },
  })
  for await (const { object } of api.client.watch(apiServices, { fieldSelector: `metadata.name=${name}` })) {
    const [condition] = (object as APIService).status?.conditions ?? []
    if (condition?.reason === undefined) continue
    assert.deepEqual([condition.type, condition.status, condition.reason], ['Available', 'False', 'FailedDiscoveryCheck'])
    assert.match(condition.message ?? '', /bad status from https:\/\/self.default.svc:443\/apis\/evil.example.com\/v1: 503$/)
    break
  }
  const { code, object } = await ask(api, 'GET /apis/evil.example.com/v1/things')
  assert.deepEqual([code, object.message], [503, 'service unavailable'])
})

test('the API server is no open proxy: CONNECT, absolute targets and the names of other hosts lead to itself or nowhere', async () => {
  await using elsewhere = await startHttpsServer(['127.0.0.1'], () => ({}))
  await using stack = new AsyncDisposableStack()
  const api = stack.use(await startTestApiServer())
  const door = stack.use(await openDoor(api))
  const other = `127.0.0.1:${elsewhere.port}`
  const close = 'Connection: close\r\n\r\n'
  // No answer to CONNECT: the connection ends.
  assert.equal(await door.send(`CONNECT ${other} HTTP/1.1\r\nHost: ${other}\r\n\r\nGET / HTTP/1.1\r\n\r\n`), '')
  const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4)
  for (const target of ['/version', `https://${other}/version`, 'http://169.254.169.254/version', 'HTTP://[::1]:80/version']) {
    for (const host of ['api', other, '169.254.169.254', 'evil.example.com:80']) {
      const answer = await door.send(
        `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-Host: ${other}\r\nForwarded: host=${other}\r\n${close}`,
      )
      assert.match(answer, /^HTTP\/1.1 200 OK\r\n/, target)
      assert.match(bodyOf(answer), /"gitVersion"/)
      assert.ok(!answer.includes(host === 'api' ? other : host), 'no name of another host is in the answer')
    }
  }
  for (const target of ['ftp://a/version', '169.254.169.254', '*', 'https://a'])
    assert.match(await door.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n${close}`), /^HTTP\/1.1 (400|403|404) /, target)
  const session = connectHttp2(`https://127.0.0.1:${door.port}`, door.tls)
  try {
    const stream = session.request({ ':method': 'CONNECT', ':authority': other })
    const status = await new Promise<number | string>((resolve) => {
      stream.on('response', (headers) => resolve(headers[':status'] ?? 0))
      stream.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
      stream.on('close', () => resolve('closed'))
    })
    assert.ok(typeof status === 'string' || status >= 400, String(status))
  } finally {
    session.destroy()
  }
  assert.deepEqual(elsewhere.requests, [])
})
