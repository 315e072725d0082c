import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import test from 'node:test'
import { apiServices, pods, secrets } from '#api'
import { systemClock, systemRandom } from '#base'
import { createAuthority } from '#cluster'
import {
  ask,
  createLoopbackService,
  type Door,
  makeNamespace,
  openDoor,
  podOf,
  startHttpsServer,
  startTestApiServer,
  type TestApiServer,
} from '#testing'
import { REQUEST_HEADERS } from '../authentication/certificates.ts'
import { proxyPath } from './proxy-path.ts'

interface Lab extends AsyncDisposable {
  readonly api: TestApiServer
  readonly door: Door
  /** What the pod was asked. */
  readonly asked: IncomingMessage[]
}

const PROXY = '/api/v1/namespaces/work/pods/web/proxy'
const CLOSE = 'Connection: close\r\n'

/** An API server with a pod `web` behind its proxy. */
async function startLab(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Lab> {
  await using stack = new AsyncDisposableStack()
  const asked: IncomingMessage[] = []
  const backend = createServer((request, response) => {
    asked.push(request)
    answer(request, response)
  })
  stack.defer(() => {
    backend.closeAllConnections()
    backend.close()
  })
  backend.on('upgrade', (request, socket) => {
    asked.push(request)
    answer(request, { socket } as unknown as ServerResponse)
  })
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve))
  const lab = await labBefore(stack, (backend.address() as AddressInfo).port)
  const owned = stack.move()
  return { ...lab, asked, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function labBefore(stack: AsyncDisposableStack, port: number): Promise<Pick<Lab, 'api' | 'door'>> {
  const api = stack.use(await startTestApiServer({ reachPod: () => '127.0.0.1' }))
  const door = stack.use(await openDoor(api))
  await makeNamespace(api.client, 'work')
  const containers = [{ name: 'main', image: 'i', ports: [{ containerPort: port }] }]
  await api.client.create(pods, podOf('web', { containers }))
  const status = { phase: 'Running', podIP: '10.0.0.7', podIPs: [{ ip: '10.0.0.7' }] }
  await api.client.patch(pods, 'work/web', { status }, { type: 'merge', subresource: 'status' })
  return { api, door }
}

test('a path behind the proxy has no step that climbs, however it is encoded, and holds nothing that begins another request', async () => {
  const table: readonly [rest: string, expected: string][] = [
    ['/', '/'],
    ['/a/b/', '/a/b/'],
    ['/a//b', '/a/b'],
    ['/../../etc/passwd', '/etc/passwd'],
    ['/a/../../b', '/b'],
    ['/..%2f..%2fetc%2fpasswd', '/etc/passwd'],
    ['/%2e%2e/%2E%2E/x', '/x'],
    ['/%2e/x', '/x'],
    // Once decoded, it is a name.
    ['/%252e%252e/x', '/%252e%252e/x'],
    ['/..;/x', '/..;/x'],
    ['/a%20b%3Fc%23d', '/a%20b%3Fc%23d'],
    ['/a%0d%0aX:%20y', '/a%0D%0AX:%20y'],
    ["/!'()*", '/%21%27%28%29%2A'],
    ['/caf%C3%A9', '/caf%C3%A9'],
    ['/%00', '/%00'],
  ]
  for (const [rest, expected] of table) assert.equal(proxyPath(rest), expected, rest)
  await using lab = await startLab((_request, response) => void response.end('ok'))
  for (const [rest, expected] of table) {
    assert.match(await lab.door.send(`GET ${PROXY}${rest}?q=../x HTTP/1.1\r\nHost: a\r\n${CLOSE}\r\n`), /^HTTP\/1.1 200 /, rest)
    assert.equal(lab.asked.at(-1)?.url, `${expected}?q=..%2Fx`, rest)
  }
  const before = lab.asked.length
  for (const path of [
    `${PROXY}/%`,
    `${PROXY}/%zz`,
    `${PROXY}/%ff`,
    '/api/v1/namespaces/work/pods/web%2f..%2f..%2fx/proxy/',
    '/api/v1/namespaces/work/pods/..%2fweb/proxy/',
  ]) {
    const answer = await lab.door.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n${CLOSE}\r\n`)
    assert.match(answer, /^HTTP\/1.1 (400|404) /, path)
  }
  assert.equal(lab.asked.length, before)
})

test('whoever is behind the proxy sees none of what its client proved itself with, nor what is about the connection alone', async () => {
  await using lab = await startLab((_request, response) => void response.end('ok'))
  const sent = [
    'Authorization: Bearer secret',
    'Impersonate-User: kubernetes-admin',
    'Impersonate-Group: system:masters',
    'X-Remote-User: root',
    'X-Remote-Extra-Scopes: all',
    'Proxy-Authorization: Basic c2VjcmV0',
    'Proxy-Connection: keep-alive',
    'Keep-Alive: timeout=5',
    'TE: trailers',
    'HTTP2-Settings: AAMAAABkAAQAAP__',
    'Connection: close, X-Hop, X-Forwarded-For',
    'X-Hop: 1',
    'X-Forwarded-For: 10.0.0.1',
    'X-End: 2',
    'Cookie: own=1',
  ]
  assert.match(
    await lab.door.send(`GET ${PROXY}/x HTTP/1.1\r\nHost: api.example.com\r\n${sent.join('\r\n')}\r\n\r\n`),
    /^HTTP\/1.1 200 /,
  )
  const { host, connection: _own, ...headers } = lab.asked[0]!.headers
  assert.equal(host, 'api.example.com')
  assert.deepEqual(headers, {
    'x-end': '2',
    cookie: 'own=1',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-uri': `${PROXY}/x`,
  })
})

test('answers from behind the proxy bring their cookies one by one, and nothing that is about the connection, over HTTP/1.1 and HTTP/2', async () => {
  await using lab = await startLab((_request, response) => {
    response.setHeader('set-cookie', ['a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT', 'b=2; HttpOnly'])
    response.setHeader('connection', 'keep-alive, x-hop')
    response.setHeader('x-hop', '1')
    response.setHeader('proxy-connection', 'keep-alive')
    response.setHeader('upgrade', 'h2c')
    response.setHeader('x-end', '2')
    response.end('ok')
  })
  const answer = await lab.door.send(`GET ${PROXY}/x HTTP/1.1\r\nHost: a\r\n${CLOSE}\r\n`)
  assert.deepEqual(answer.match(/^set-cookie: .*$/gim), [
    'set-cookie: a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
    'set-cookie: b=2; HttpOnly',
  ])
  assert.match(answer, /^x-end: 2$/im)
  assert.doesNotMatch(answer, /^(x-hop|proxy-connection|upgrade):/im)
  const session = connectHttp2(`https://127.0.0.1:${lab.door.port}`, lab.door.tls)
  const stream = session.request({ ':path': `${PROXY}/x` })
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
  session.destroy()
  assert.deepEqual(
    [headers[':status'], headers['set-cookie'], headers['x-end'], headers['x-hop']],
    [200, ['a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT', 'b=2; HttpOnly'], '2', undefined],
  )
})

test('an answer that would split in two, or that ends where it likes, is no answer', async () => {
  const split = [
    'HTTP/1.1 200 OK\r\nX: a\rHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 20\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nX\0: a\r\n\r\n',
    'HTTP/9.9 200 OK\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n',
  ]
  let at = 0
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end(split[at]!))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await using stack = new AsyncDisposableStack()
    const { door } = await labBefore(stack, (server.address() as AddressInfo).port)
    for (const [index, text] of split.entries()) {
      at = index
      const answer = await door.send(`GET ${PROXY}/ HTTP/1.1\r\nHost: a\r\n${CLOSE}\r\n`)
      assert.match(answer, /^HTTP\/1.1 503 /, text)
      assert.match(answer, /error trying to reach service: /)
    }
  } finally {
    server.close()
  }
})

const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'

test('an upgrade that the other end answers with a redirect or a page is refused, so that no client follows it with what it proves itself with', async () => {
  let status = 302
  await using lab = await startLab((_request, { socket }) => {
    socket?.end(`HTTP/1.1 ${status} Odd\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n`)
  })
  for (status of [200, 204, 301, 302, 307, 308]) {
    const answer = await lab.door.send(`GET ${PROXY}/ HTTP/1.1\r\nHost: a\r\n${UPGRADE}\r\n`)
    assert.match(answer, /^HTTP\/1.1 500 /)
    assert.doesNotMatch(answer, /location/i)
    assert.match(answer, new RegExp(`"message":"invalid upgrade response: status code ${status}"`))
  }
})

test('a refusal of an upgrade is passed on whole, and ends the connection', async () => {
  await using lab = await startLab((_request, { socket }) => {
    socket?.end(
      'HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\nX-Why: no\r\n\r\n2\r\nno\r\n0\r\n\r\n',
    )
  })
  const answer = await lab.door.send(
    `GET ${PROXY}/ HTTP/1.1\r\nHost: a\r\n${UPGRADE}\r\nGET /api/v1/secrets HTTP/1.1\r\nHost: a\r\n\r\n`,
  )
  assert.equal(answer, 'HTTP/1.1 403 Forbidden\r\nX-Why: no\r\nConnection: close\r\n\r\nno')
})

test('an upgrade takes no token along, neither in a header nor among the protocols, and h2c is for the other end alone', async () => {
  await using lab = await startLab((_request, { socket }) => {
    socket?.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nthere')
  })
  const { send } = lab.door
  const head = `Host: a\r\nConnection: Upgrade, X-Hop\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nAuthorization: Bearer secret\r\nImpersonate-Foo: x\r\nX-Remote-User: root\r\n`
  const protocols = `Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.c2VjcmV0, mine\r\n`
  const answer = await send(`GET ${PROXY}/ HTTP/1.1\r\n${head}${protocols}\r\n`)
  assert.match(answer, /^HTTP\/1.1 101 Switching Protocols\r\n[\s\S]*\r\n\r\nthere$/)
  const { authorization, 'x-remote-user': user, 'impersonate-foo': foo, 'sec-websocket-protocol': left } = lab.asked[0]!.headers
  assert.deepEqual([authorization, user, foo, left], [undefined, undefined, undefined, 'mine'])
  // This server itself changes to nothing for anybody.
  for (const path of ['/api/v1/secrets', '/version', '/'])
    assert.match(
      await send(
        `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
      ),
      /^HTTP\/1.1 [24]0[0-9] /,
    )
})

test('the other end is told whom a request came from, behind whatever the client says of it, with and without an upgrade', async () => {
  await using lab = await startLab((_request, response) => {
    // Of an upgrade there is the connection alone.
    if (typeof response.end === 'function') response.end('ok')
    else response.socket?.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
  })
  for (const way of [CLOSE, 'Connection: Upgrade\r\nUpgrade: x\r\n'])
    for (const [said, told] of [
      ['', '127.0.0.1'],
      ['X-Forwarded-For: 10.0.0.9\r\n', '10.0.0.9, 127.0.0.1'],
    ] as const) {
      await lab.door.send(`GET ${PROXY}/ HTTP/1.1\r\nHost: a\r\n${way}${said}\r\n`)
      assert.equal(lab.asked.at(-1)?.headers['x-forwarded-for'], told, way)
    }
})

test('an extension server is told of whom its request comes by us alone, whatever the client says, also of the connection', async () => {
  await using sample = await startHttpsServer(['127.0.0.1'], ({ path }) =>
    path === '/apis/ext.example.com/v1'
      ? { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'ext.example.com/v1', resources: [] }
      : { ok: true },
  )
  const authority = await createAuthority('front-proxy', { clock: systemClock, random: systemRandom })
  const proxyClient = await authority.issue({ commonName: 'front-proxy-client', usages: ['client'] })
  await using stack = new AsyncDisposableStack()
  const api = stack.use(
    await startTestApiServer({
      proxyClient,
      authentication: { requestHeaders: { ...REQUEST_HEADERS, usernameHeaders: ['X-Acting-User'] } },
    }),
  )
  const door = stack.use(await openDoor(api))
  await createLoopbackService(api, { name: 'ext', port: 443, targetPort: sample.port })
  const name = 'v1.ext.example.com'
  const service = { namespace: 'default', name: 'ext', port: 443 }
  const spec = {
    group: 'ext.example.com',
    version: 'v1',
    groupPriorityMinimum: 100,
    versionPriority: 100,
    insecureSkipTLSVerify: true,
    service,
  }
  await api.client.create(apiServices, { apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name }, spec })
  for await (const { object } of api.client.watch(apiServices, { fieldSelector: `metadata.name=${name}` }))
    if ((object as { status?: { conditions?: { status: string }[] } }).status?.conditions?.[0]?.status === 'True') break
  const hostile = [
    'Authorization: Bearer secret',
    'X-Remote-User: root',
    'X-Remote-Group: system:masters',
    'X-Remote-Uid: 0',
    'X-Remote-Extra-Scopes: all',
    'X-Acting-User: root',
    'X-Forwarded-For: 10.0.0.9',
    'Cookie: own=1',
  ].join('\r\n')
  const things = '/apis/ext.example.com/v1/things'
  const protocols = 'Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.c2VjcmV0, mine\r\n'
  const ways = [
    'Connection: close, X-Remote-User, X-Remote-Group\r\n',
    `Connection: Upgrade, X-Remote-User\r\nUpgrade: websocket\r\n${protocols}`,
  ]
  for (const way of ways) {
    await door.send(`GET ${things} HTTP/1.1\r\nHost: a\r\n${hostile}\r\n${way}\r\n`)
    const { headers, client } = sample.requests.at(-1)!
    assert.equal(client, 'front-proxy-client')
    assert.deepEqual(
      [headers['x-remote-user'], headers['x-remote-uid'], headers['x-remote-extra-scopes']],
      ['admin', undefined, undefined],
    )
    assert.equal(headers['x-remote-group'], 'system:masters, system:authenticated')
    assert.deepEqual([headers['authorization'], headers['x-acting-user'], headers['cookie']], [undefined, undefined, 'own=1'])
    assert.equal(headers['x-forwarded-for'], '10.0.0.9, 127.0.0.1')
    assert.doesNotMatch(String(headers['connection']), /x-remote/i)
    assert.doesNotMatch(String(headers['sec-websocket-protocol']), /bearer/)
  }
  // What it may not know of is not there: its path is its own.
  await api.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'default' } })
  const { text } = await ask(api, `GET ${things}/../../../../api/v1/secrets`)
  assert.doesNotMatch(text, /SecretList/)
})
