import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import test from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { pods, serviceAccounts } from '#api'
import { inProcessTransport, type TransportRequest, type TransportResponse } from '#client'
import { createLoopbackService, startTestApiServer, TEST_ADMIN } from '#testing'
import { rewriteLinks } from './html-links.ts'
import { relocated } from './relocate.ts'

const PREFIX = '/api/v1/namespaces/default/pods/web/proxy'
const place = { prefix: PREFIX, upstreamHost: '10.0.0.1:80', requestHost: 'api:6443' }

test('links lead back through the proxy; those of others stay', () => {
  const cases: readonly (readonly [link: string, expected: string])[] = [
    ['/a/b', `${PREFIX}/a/b`],
    ['/a/', `${PREFIX}/a/`],
    ['/', `${PREFIX}/`],
    ['/a?b=/c#d', `${PREFIX}/a?b=/c#d`],
    ['a/b', 'a/b'],
    ['?a', '?a'],
    ['http://10.0.0.1:80/a', `${PREFIX}/a`],
    ['https://api:6443/a', `https://api:6443${PREFIX}/a`],
    ['https://example.com/a', 'https://example.com/a'],
    ['//example.com/a', '//example.com/a'],
    [`${PREFIX}/a`, `${PREFIX}/a`],
    ['mailto:a@example.com', 'mailto:a@example.com'],
  ]
  for (const [link, expected] of cases) assert.equal(relocated(link, place), expected)
})

test('links are found however the page comes in pieces, and nowhere but in tags', async () => {
  const html =
    '<!-- <a href="/no"> --><A HREF=\'/a\' title="href=/no">x</a><img alt="a>b" src=/i><p href="/no">1 < 2</p>' +
    '<script src="/s">if (a < b) "<a href=\'/no\'>"</script><form action = "/f">\u00e9'
  const expected = html
    .replace("'/a'", "'/X/a'")
    .replace('src=/i', 'src=/X/i')
    .replace('"/s"', '"/X/s"')
    .replace('"/f"', '"/X/f"')
  for (const size of [1, 2, 7, 1_000]) {
    const bytes = Buffer.from(html)
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
      bytes.subarray(index * size, (index + 1) * size),
    )
    const out = rewriteLinks(Readable.from(pieces), (link) => `/X${link}`)
    assert.equal(await text(Readable.from(out)), expected)
  }
})

async function withServer(listener: RequestListener, body: (port: number, ask: Ask) => Promise<void>): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stack.defer(() => {
    server.closeAllConnections()
    return new Promise<void>((resolve) => void server.close(() => resolve()))
  })
  const { port } = server.address() as AddressInfo
  const api = stack.use(await startTestApiServer({ reachPod: () => '127.0.0.1' }))
  const { client } = api
  const namespace = 'default'
  await client.create(serviceAccounts, { metadata: { name: 'default', namespace } })
  const ports = [{ name: 'http', containerPort: port }]
  const pod = await client.create(pods, {
    metadata: { name: 'web', namespace },
    spec: { containers: [{ name: 'c', image: 'i', ports }] },
  })
  await client.patch(
    pods,
    'default/web',
    { status: { phase: 'Running', podIP: '10.0.0.7' } },
    { type: 'merge', subresource: 'status' },
  )
  await createLoopbackService(api, { name: 'web', port: 80, portName: 'portname', targetPort: port })
  assert.ok(pod.metadata?.uid)
  const transport = inProcessTransport(api.server, { user: TEST_ADMIN })
  await body(port, (method, path, more = {}) => transport.request({ method, path, headers: { host: 'api:6443' }, ...more }))
}

type Ask = (method: TransportRequest['method'], path: string, more?: Partial<TransportRequest>) => Promise<TransportResponse>

async function bytesOf({ body }: TransportResponse): Promise<Buffer> {
  if (body.kind === 'bytes') return Buffer.from(body.bytes)
  assert.equal(body.kind, 'stream')
  return Buffer.concat(await Array.fromAsync(body.kind === 'stream' ? body.stream : [], (chunk) => Buffer.from(chunk)))
}

test('every verb reaches pods and services, under each spelling of their names', () =>
  withServer(
    (request, response) => {
      void text(request).then((sent) => response.end(`${request.method} ${request.url} ${sent}`))
    },
    async (port, ask) => {
      const base = '/api/v1/namespaces/default'
      for (const name of [
        `pods/web`,
        `pods/web:${port}`,
        `pods/http:web:${port}`,
        'services/web',
        'services/web:portname',
        'services/http:web:portname',
        'services/web:80',
      ]) {
        for (const method of ['GET', 'PUT', 'POST', 'PATCH', 'DELETE'] as const) {
          const body = method === 'GET' ? {} : ({ body: { kind: 'bytes', bytes: Buffer.from('sent') } } as const)
          const answer = await ask(method, `${base}/${name}/proxy/some/path`, { ...body, query: new URLSearchParams('q=1') })
          assert.equal(answer.status, 200, name)
          assert.equal((await bytesOf(answer)).toString(), `${method} /some/path?q=1 ${method === 'GET' ? '' : 'sent'}`)
        }
      }
      const bare = await ask('GET', `${base}/pods/web/proxy`, { query: new URLSearchParams('q=1') })
      assert.deepEqual([bare.status, bare.headers['location']], [301, `${base}/pods/web/proxy/?q=1`])
      const unknown = await ask('GET', `${base}/services/web:other/proxy/`)
      assert.equal(unknown.status, 503)
    },
  ))

test('pages and redirects behind the proxy lead back to it, compressed ones too', () =>
  withServer(
    (request, response) => {
      const page = '<a href="/next">next</a>'
      if (request.url === '/redirect') response.writeHead(302, { location: '/next' }).end()
      else if (request.url === '/zip')
        response.writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' }).end(gzipSync(page))
      else if (request.url === '/text') response.writeHead(200, { 'content-type': 'text/plain' }).end(page)
      else response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'access-control-allow-origin': '*' }).end(page)
    },
    async (_port, ask) => {
      const rewritten = `<a href="${PREFIX}/next">next</a>`
      const page = await ask('GET', `${PREFIX}/`)
      assert.equal((await bytesOf(page)).toString(), rewritten)
      assert.equal(page.headers['access-control-allow-origin'], undefined)
      assert.equal((await ask('GET', `${PREFIX}/redirect`)).headers['location'], `${PREFIX}/next`)
      assert.equal(gunzipSync(await bytesOf(await ask('GET', `${PREFIX}/zip`))).toString(), rewritten)
      assert.equal((await bytesOf(await ask('GET', `${PREFIX}/text`))).toString(), '<a href="/next">next</a>')
    },
  ))
