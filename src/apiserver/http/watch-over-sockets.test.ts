import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import test from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { WebSocket } from 'ws'
import { type ConfigMap, configMaps } from '#api'
import { VirtualClock } from '#base'
import { createClient } from '#client'
import { certificatesFor, startTestApiServer, TEST_ADMIN, TRANSPORTS } from '#testing'
import { WATCH_BUFFER_FRAMES_MAX } from '../rest/watcher.ts'

const PATH = '/api/v1/namespaces/default/configmaps'

const configMap = (name: string): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } })

async function startListening() {
  await using stack = new AsyncDisposableStack()
  const clock = new VirtualClock()
  const api = stack.use(await startTestApiServer({ clock }))
  const { tls, client } = await certificatesFor(TEST_ADMIN)
  const { port } = stack.use(await api.server.listen({ host: '127.0.0.1', port: 0, tls }))
  const owned = stack.move()
  const credentials = { ca: client.ca, cert: client.certificate, key: client.key }
  const open = (path: string, protocols: string[] = [], headers: Readonly<Record<string, string>> = {}): WebSocket =>
    new WebSocket(`wss://127.0.0.1:${port}${path}`, protocols, { ...credentials, headers, origin: 'https://page.example' })
  /** By HTTP/1.1, in bytes. */
  const dial = (): TLSSocket => connectTls({ host: '127.0.0.1', port, ALPNProtocols: ['http/1.1'], ...credentials })
  const session = (): ClientHttp2Session => connectHttp2(`https://127.0.0.1:${port}`, credentials)
  return { api, clock, open, dial, session, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

test('a watch over a WebSocket sends a text message per event and ends with the socket', async () => {
  await using server = await startListening()
  const socket = server.open(`${PATH}?watch=true`, ['base64url.bearer.authorization.k8s.io.eA', 'anything.k8s.io'])
  const messages: { readonly text: string; readonly binary: boolean }[] = []
  const enough = Promise.withResolvers<void>()
  socket.on('message', (data, binary) => {
    messages.push({ text: String(data), binary })
    if (messages.length === 3) enough.resolve()
  })
  await once(socket, 'open')
  assert.equal(socket.protocol, 'anything.k8s.io')
  await server.api.client.create(configMaps, configMap('a'))
  await server.api.client.patch(configMaps, 'default/a', { data: { x: 'y' } }, { type: 'merge' })
  await server.api.client.delete(configMaps, 'default/a')
  await enough.promise
  assert.deepEqual(
    messages.map(({ text, binary }) => [JSON.parse(text).type, JSON.parse(text).object.metadata.name, binary]),
    [
      ['ADDED', 'a', false],
      ['MODIFIED', 'a', false],
      ['DELETED', 'a', false],
    ],
  )
  socket.close()
  await once(socket, 'close')
})

test('a watch over a WebSocket sends messages of protobuf without the length that they have as frames, and closes as what is done', async () => {
  await using server = await startListening()
  await server.api.client.create(configMaps, configMap('a'))
  const headers = { accept: 'application/vnd.kubernetes.protobuf' }
  const socket = server.open(`${PATH}?watch=true&resourceVersion=0&timeoutSeconds=5&fieldSelector=metadata.name%3Da`, [], headers)
  const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean]
  assert.equal(isBinary, true)
  assert.deepEqual(data.subarray(0, 7), Buffer.from('\x0a\x05ADDED', 'latin1'))
  const closed = once(socket, 'close')
  await server.clock.advance(5_000)
  assert.equal((await closed)[0], 1000)
})

const HANDSHAKE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-version': '13',
  origin: 'https://page.example',
}

async function answerTo(
  server: Awaited<ReturnType<typeof startListening>>,
  path: string,
  headers: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const socket = server.dial()
  const lines = Object.entries({ ...headers, host: 'x' }).flatMap(([name, value]) =>
    value === undefined ? [] : `${name}: ${value}`,
  )
  socket.write([`GET ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n'))
  const received = new Received(socket)
  await received.until((text) => /\r\n\r\n/.test(text))
  if (!received.text.startsWith('HTTP/1.1 2')) await once(socket, 'end')
  socket.destroy()
  return received.text
}

test('a WebSocket says from where its page is, and leaves no choice among protocols, as upstream has it', async () => {
  await using server = await startListening()
  const to = (headers: Readonly<Record<string, string | undefined>>): Promise<string> =>
    answerTo(server, `${PATH}?watch=true`, { ...HANDSHAKE, ...headers })
  for (const origin of [undefined, '', 'null', 'nonsense', 'https://a b/', 'https://a/%zz'])
    assert.equal(await to({ origin }), 'HTTP/1.1 403 Forbidden\r\n\r\n', String(origin))
  assert.equal(await to({ 'sec-websocket-protocol': 'a, b' }), 'HTTP/1.1 400 Bad Request\r\n\r\n')
  assert.equal(
    await to({ 'sec-websocket-version': '8' }),
    'HTTP/1.1 400 Bad Request\r\nSec-WebSocket-Version: 13\r\n\r\nmissing or bad WebSocket Version',
  )
  assert.equal(await to({ 'sec-websocket-key': undefined }), 'HTTP/1.1 400 Bad Request\r\n\r\nmismatch challenge/response')
})

test('a wish for another protocol is not heard where there is none', async () => {
  await using server = await startListening()
  assert.match(await answerTo(server, PATH, HANDSHAKE), /^HTTP\/1\.1 200 OK\r\n/)
  assert.match(await answerTo(server, `${PATH}?watch=true`, { ...HANDSHAKE, upgrade: 'h2c' }), /^HTTP\/1\.1 200 OK\r\n/)
})

test('a watch that is refused is no WebSocket: the Status comes as an answer', async () => {
  await using server = await startListening()
  const socket = server.open(`${PATH}?watch=true&resourceVersion=tomorrow`)
  socket.on('error', () => undefined)
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, import('node:http').IncomingMessage]
  assert.equal(response.statusCode, 422)
  assert.equal(response.headers['cache-control'], 'no-cache, private')
  assert.match(response.headers['audit-id'] as string, /^[0-9a-f-]{36}$/)
  let text = ''
  for await (const chunk of response) text += chunk
  assert.equal(JSON.parse(text).reason, 'Invalid')
  socket.terminate()
})

test('a watch over the network survives a thousand events that a slow reader leaves waiting, in order', async () => {
  await using stack = new AsyncDisposableStack()
  const api = stack.use(await startTestApiServer())
  const client = createClient((await TRANSPORTS['https']!(api, stack))(TEST_ADMIN))
  await api.client.create(configMaps, configMap('a'))
  const { metadata } = await client.list(configMaps, { namespace: 'default' })
  const data = { filler: 'x'.repeat(4_000) }
  const stop = new AbortController()
  const events = client
    .watch(configMaps, { namespace: 'default', resourceVersion: metadata.resourceVersion, signal: stop.signal })
    [Symbol.asyncIterator]()
  const first = events.next()
  for (let at = 0; at < 1_000; at++) {
    await api.client.patch(configMaps, 'default/a', { data: { ...data, at: String(at) } }, { type: 'merge' })
  }
  const seen = [await first]
  while (seen.length < 1_000) seen.push(await events.next())
  assert.deepEqual(
    seen.map(({ value }) => value.object.data.at),
    Array.from({ length: 1_000 }, (_, at) => String(at)),
  )
  stop.abort(new DOMException('enough', 'AbortError'))
  await events.next().catch(() => undefined)
})

/** Everything that comes over a socket, and the moment at which it holds what is waited for. */
class Received {
  text = ''
  #wanted: { readonly holds: (text: string) => boolean; readonly resolve: () => void } | undefined

  constructor(source: NodeJS.ReadableStream) {
    source.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1')
      if (this.#wanted?.holds(this.text)) this.#wanted.resolve()
    })
  }

  async until(holds: (text: string) => boolean): Promise<void> {
    if (holds(this.text)) return
    await new Promise<void>((resolve) => {
      this.#wanted = { holds, resolve }
    })
  }
}

const WATCH = `${PATH}?watch=true&resourceVersion=`

const currentRevision = async ({ api }: Awaited<ReturnType<typeof startListening>>): Promise<string> =>
  (await api.client.list(configMaps, { namespace: 'default' })).metadata.resourceVersion ?? ''

test('over HTTP/1.1 every frame is a chunk, the end is one, too, and the connection goes on', async () => {
  await using server = await startListening()
  const socket = server.dial()
  const received = new Received(socket)
  const get = (path: string): boolean => socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)
  get(`${WATCH}${await currentRevision(server)}&timeoutSeconds=5`)
  await received.until((text) => text.includes('\r\n\r\n'))
  assert.match(received.text, /^HTTP\/1\.1 200 OK\r\n(.*\r\n)*transfer-encoding: chunked\r\n/i)
  received.text = ''
  for (const name of ['a', 'é'])
    await server.api.client.create(configMaps, {
      ...configMap('a'),
      metadata: { name: `m-${name.length}-${name === 'a' ? 'a' : 'b'}`, namespace: 'default', annotations: { name } },
    })
  await received.until((text) => text.split('\n').length >= 7)
  const chunks = received.text.split('\r\n')
  for (const [at, name] of ['m-1-a', 'm-1-b'].entries()) {
    const [size = '', frame = ''] = chunks.slice(at * 2)
    assert.equal(Number.parseInt(size, 16), frame.length)
    assert.equal(JSON.parse(Buffer.from(frame, 'latin1').toString()).object.metadata.name, name)
  }
  received.text = ''
  await server.clock.advance(5_250)
  await received.until((text) => text.length > 0)
  assert.equal(received.text, '0\r\n\r\n')
  received.text = ''
  get('/version')
  await received.until((text) => text.includes('gitVersion'))
  assert.match(received.text, /^HTTP\/1\.1 200 OK/)
  socket.destroy()
  await once(socket, 'close')
})

test('a client of HTTP/1.0 gets frames as they are, until the connection ends', async () => {
  await using server = await startListening()
  const socket = server.dial()
  const received = new Received(socket)
  socket.write(`GET ${WATCH}${await currentRevision(server)}&timeoutSeconds=5 HTTP/1.0\r\nhost: x\r\n\r\n`)
  await received.until((text) => text.includes('\r\n\r\n'))
  assert.doesNotMatch(received.text, /transfer-encoding/i)
  received.text = ''
  await server.api.client.create(configMaps, configMap('a'))
  await received.until((text) => text.includes('\n'))
  const closed = once(socket, 'close')
  await server.clock.advance(5_250)
  await closed
  assert.equal(JSON.parse(received.text).object.metadata.name, 'a')
})

test('watches that share an HTTP/2 connection are each told all, whatever others of it do', async () => {
  await using server = await startListening()
  const session = server.session()
  const from = await currentRevision(server)
  const WATCHES = 40
  const all = Array.from({ length: WATCHES }, () => {
    const stream = session.request({ ':path': `${WATCH}${from}` })
    return { stream, received: new Received(stream), begun: once(stream, 'response') }
  })
  await Promise.all(all.map(({ begun }) => begun))
  const [leaver, ...stayers] = all
  await server.api.client.create(configMaps, configMap('a'))
  await Promise.all(all.map(({ received }) => received.until((text) => text.includes('\n'))))
  leaver!.stream.close()
  await once(leaver!.stream, 'close')
  await server.api.client.delete(configMaps, 'default/a')
  await Promise.all(stayers.map(({ received }) => received.until((text) => text.split('\n').length === 3)))
  assert.equal(new Set(stayers.map(({ received }) => received.text)).size, 1)
  assert.deepEqual(
    stayers[0]!.received.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).type),
    ['ADDED', 'DELETED'],
  )
  assert.equal(leaver!.received.text.split('\n').length, 2)
  session.destroy()
  await once(session, 'close')
})

test('a client that reads nothing is cut off at the bound; one that reads is told everything in the meantime', async () => {
  await using server = await startListening()
  await server.api.client.create(configMaps, configMap('a'))
  const from = await currentRevision(server)
  const [slow, quick] = [server.dial(), server.dial()]
  const ask = (socket: TLSSocket): boolean => socket.write(`GET ${WATCH}${from} HTTP/1.1\r\nhost: x\r\n\r\n`)
  ask(slow)
  await once(slow, 'readable')
  slow.pause()
  const received = new Received(quick)
  ask(quick)
  await received.until((text) => text.includes('\r\n\r\n'))
  const { store } = server.api
  const filler = 'x'.repeat(3_000)
  let revision = (await store.get('/registry/configmaps/default/a'))?.revision ?? 0
  // More than the bound and what sockets hold, in either direction.
  const EVENTS = WATCH_BUFFER_FRAMES_MAX + 4_000
  for (let at = 1; at <= EVENTS; at++) {
    const metadata = { name: 'a', namespace: 'default', uid: `uid-${at}`, annotations: { filler } }
    const value = Buffer.from(JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata }))
    revision = await store.put('/registry/configmaps/default/a', value, { expected: revision })
    if (at % 500 !== 0) continue
    await received.until((text) => text.includes(`uid-${at}"`))
    received.text = ''
  }
  let [text, ends] = ['', '']
  slow.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString('latin1')).slice(-100_000)
    ends = text.slice(-5)
  })
  slow.resume()
  while (ends !== '0\r\n\r\n') await once(slow, 'data')
  const last = Number(/.*uid-(\d+)"/s.exec(text)![1])
  assert.ok(last < 4_000, `it was told ${last} events, which sockets held`)
  for (const socket of [slow, quick]) {
    socket.destroy()
    await once(socket, 'close')
  }
})

test('a streaming list over a connection is what there is, then its mark, then what happens, and bookmarks when nothing does', async () => {
  await using server = await startListening()
  const names = Array.from({ length: 60 }, (_, at) => `map-${String(at).padStart(2, '0')}`)
  // More than one piece of a backlog.
  const data = { filler: 'x'.repeat(2_000) }
  for (const name of names) await server.api.client.create(configMaps, { ...configMap(name), data })
  const session = server.session()
  const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
  const received = new Received(session.request({ ':path': `${PATH}?${query}` }))
  const lines = (count: number): Promise<void> => received.until((text) => text.split('\n').length > count)
  await lines(61)
  await server.api.client.create(configMaps, configMap('later'))
  await lines(62)
  await server.clock.advance(60_250)
  await lines(63)
  const told = received.text.trim().split('\n')
  const events = told.map((line) => JSON.parse(line) as { type: string; object: ConfigMap })
  assert.deepEqual(
    events.map(({ type, object }) => `${type} ${object.metadata?.name ?? ''}`.trim()),
    [...names.map((name) => `ADDED ${name}`), 'BOOKMARK', 'ADDED later', 'BOOKMARK'],
  )
  const marks = events.filter(({ type }) => type === 'BOOKMARK').map(({ object }) => object.metadata)
  assert.deepEqual(marks[0]?.annotations, { 'k8s.io/initial-events-end': 'true' })
  assert.equal(marks[1]?.annotations, undefined)
  assert.ok(Number(marks[1]?.resourceVersion) >= Number(events[61]!.object.metadata?.resourceVersion))
  session.destroy()
  await once(session, 'close')
})
