import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type IncomingHttpHeaders } from 'node:http2'
import { request as http1Request } from 'node:https'
import { connect as connectTcp } from 'node:net'
import test, { after, before } from 'node:test'
import { systemClock, systemRandom } from '#base'
import { createAuthority } from '#cluster'
import type { Status } from '#meta'
import { startTestApiServer } from '#testing'

const MAPS = '/api/v1/namespaces/default/configmaps'
const stack = new AsyncDisposableStack()
let port: number
let tls: { readonly ca: string; readonly cert: string; readonly key: string }

before(async () => {
  const api = stack.use(await startTestApiServer())
  const authority = await createAuthority('test-authority', { clock: systemClock, random: systemRandom })
  const serving = await authority.issue({ commonName: 'kube-apiserver', hosts: ['127.0.0.1'], usages: ['server'] })
  const own = await authority.issue({ commonName: 'admin', organizations: ['system:masters'], usages: ['client'] })
  const listener = stack.use(
    await api.server.listen({ host: '127.0.0.1', port: 0, tls: { ...serving, clientCA: authority.certificate } }),
  )
  port = listener.port
  tls = { ca: authority.certificate, cert: own.certificate, key: own.key }
})
after(() => stack.disposeAsync())

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

async function byHttp2(method: string, path: string, headers: object = {}, body?: Buffer): Promise<Answer> {
  const session = connect(`https://127.0.0.1:${port}`, tls)
  try {
    const stream = session.request({ ':method': method, ':path': path, ...headers })
    // A server that has answered may tell us to stop sending.
    stream.on('error', () => undefined)
    stream.end(body)
    const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders]
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    await once(stream, 'close')
    return { status: Number(head[':status']), headers: head, body: Buffer.concat(chunks).toString() }
  } finally {
    session.destroy()
  }
}

async function byHttp1(method: string, path: string, headers: Record<string, string> = {}, body?: Buffer): Promise<Answer> {
  const request = http1Request({ host: '127.0.0.1', port, method, path, headers, agent: false, ...tls })
  request.on('error', () => undefined)
  request.end(body)
  const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() }
}

const json = { 'content-type': 'application/json' }

for (const [name, send] of [
  ['HTTP/2', byHttp2],
  ['HTTP/1.1', byHttp1],
] as const) {
  test(`${name}: objects are written and read`, async () => {
    const sent = Buffer.from(
      JSON.stringify({ metadata: { name: `by-${name.toLowerCase().replace('/', '-')}` }, data: { a: 'ü' } }),
    )
    const created = await send('POST', MAPS, json, sent)
    assert.deepEqual([created.status, created.headers['content-type']], [201, 'application/json'])
    const { metadata } = JSON.parse(created.body)
    const read = await send('GET', `${MAPS}/${metadata.name}`)
    assert.equal(read.headers['content-length'], String(Buffer.byteLength(read.body)))
    assert.deepEqual(JSON.parse(read.body), JSON.parse(created.body))
  })

  test(`${name}: a body that is too large is told so, on the stream that it came on`, async () => {
    const { status, body } = await send('POST', MAPS, json, Buffer.alloc(8 * 1024 * 1024, 32))
    assert.deepEqual([status, (JSON.parse(body) as Status).reason], [413, 'RequestEntityTooLarge'])
  })

  test(`${name}: a client that asks first is told to go on`, async () => {
    const sent = Buffer.from(JSON.stringify({ metadata: { generateName: 'asked-' } }))
    assert.equal((await send('POST', MAPS, { ...json, expect: '100-continue' }, sent)).status, 201)
  })

  test(`${name}: HEAD of a path has the head of its answer, HEAD of a resource is refused`, async () => {
    const health = await send('HEAD', '/healthz')
    assert.deepEqual([health.status, health.body], [200, ''])
    assert.deepEqual([(await send('HEAD', MAPS)).status, (await send('HEAD', '/version')).status], [405, 405])
  })

  test(`${name}: large documents are compressed for who takes it`, async () => {
    const { headers } = await send('GET', '/openapi/v2', { 'accept-encoding': 'gzip' })
    assert.deepEqual([headers['content-encoding'], headers['vary']], ['gzip', 'Accept-Encoding, Accept'])
  })
}

test('HTTP/2: other clients are understood as well, many requests on one connection', async () => {
  const { Agent } = await import('undici')
  const dispatcher = new Agent({ allowH2: true, connections: 1, connect: tls })
  const ask = async (method: 'GET' | 'POST', path: string, body?: object) => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: json }
    const answer = await dispatcher.request({ origin: `https://127.0.0.1:${port}`, method, path, ...sent })
    return { status: answer.statusCode, body: await answer.body.text() }
  }
  const names = Array.from({ length: 20 }, (_, at) => `undici-${at}`)
  const data = { filler: 'x'.repeat(20_000) }
  const created = await Promise.all(names.map((name) => ask('POST', MAPS, { metadata: { name }, data })))
  assert.deepEqual(new Set(created.map(({ status }) => status)), new Set([201]))
  const read = await Promise.all(names.map((name) => ask('GET', `${MAPS}/${name}`)))
  assert.deepEqual(
    read.map(({ body }) => JSON.parse(body)),
    created.map(({ body }) => JSON.parse(body)),
  )
  await dispatcher.destroy()
})

test('HTTP/2: clients that read long answers side by side each get their own', async () => {
  const filler = 'y'.repeat(4_000)
  for (let at = 0; at < 200; at++)
    await byHttp2('POST', MAPS, json, Buffer.from(JSON.stringify({ metadata: { name: `long-${at}` }, data: { filler } })))
  const first = (await byHttp2('GET', MAPS)).body
  assert.ok(first.length > 800_000)
  const answers = await Promise.all(Array.from({ length: 12 }, () => byHttp2('GET', MAPS)))
  for (const { body } of answers) assert.equal(body, first)
})

test('sizes of answers, events of watches, the life of certificates and broken handshakes are counted where they pass', async () => {
  const scrape = async (): Promise<(line: string) => number> => {
    const { body } = await byHttp1('GET', '/metrics')
    const lines = body.split('\n')
    return (start) => Number(lines.find((line) => line.startsWith(`${start} `))?.slice(start.length) ?? 0)
  }
  const before = await scrape()
  const own = '/apis/apps/v1/namespaces/default/deployments'
  const { body } = await byHttp2('GET', own)
  const missing = await byHttp1('GET', `${own}/none`)
  const watch = http1Request({ host: '127.0.0.1', port, path: `${own}?watch=true&timeoutSeconds=1`, agent: false, ...tls }).end()
  const [response] = (await once(watch, 'response')) as [import('node:http').IncomingMessage]
  const metadata = { name: 'web' }
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: { selector: { matchLabels: { app: 'web' } }, template },
  }
  await byHttp2('POST', own, { 'content-type': 'application/json' }, Buffer.from(JSON.stringify(deployment)))
  const [event] = (await once(response, 'data')) as [Buffer]
  watch.destroy()
  const stranger = connectTcp(port, '127.0.0.1').end('not a handshake')
  stranger.resume().on('error', () => undefined)
  await once(stranger, 'close')
  const after = await scrape()
  const more = (line: string): number => after(line) - before(line)
  const list =
    'component="apiserver",group="apps",resource="deployments",scope="namespace",subresource="",verb="LIST",version="v1"'
  assert.equal(more(`apiserver_response_sizes_count{${list}}`), 1)
  assert.equal(more(`apiserver_response_sizes_sum{${list}}`), body.length)
  const one = 'component="apiserver",group="apps",resource="deployments",scope="resource",subresource="",verb="GET",version="v1"'
  assert.equal(missing.status, 404)
  assert.equal(more(`apiserver_response_sizes_sum{${one}}`), missing.body.length, 'of what failed as well')
  const watched = 'group="apps",resource="deployments",version="v1"'
  assert.equal(more(`apiserver_watch_events_total{${watched}}`), 1)
  assert.equal(more(`apiserver_watch_events_sizes_sum{${watched}}`), event.length)
  assert.equal(more('apiserver_tls_handshake_errors_total'), 1)
  assert.ok(more('apiserver_client_certificate_expiration_seconds_count') >= 4)
})
