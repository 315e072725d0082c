import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'node:test'
import { WebSocket } from 'ws'
import { type ConfigMap, configMaps } from '#api'
import { createClient } from '#client'
import { certificatesFor, startTestApiServer, TEST_ADMIN, TRANSPORTS } from '#testing'

const PATH = '/api/v1/namespaces/default/configmaps'

const configMap = (name: string): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } })

async function startListening() {
  await using stack = new AsyncDisposableStack()
  const api = stack.use(await startTestApiServer())
  const { tls, client } = await certificatesFor(TEST_ADMIN)
  const { port } = stack.use(await api.server.listen({ host: '127.0.0.1', port: 0, tls }))
  const owned = stack.move()
  const open = (path: string, protocols: string[] = []): WebSocket =>
    new WebSocket(`wss://127.0.0.1:${port}${path}`, protocols, { ca: client.ca, cert: client.certificate, key: client.key })
  return { api, open, [Symbol.asyncDispose]: () => owned.disposeAsync() }
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

test('a watch that is refused is no WebSocket: the Status comes as an answer', async () => {
  await using server = await startListening()
  const socket = server.open(`${PATH}?watch=true&resourceVersion=tomorrow`)
  socket.on('error', () => undefined)
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, import('node:http').IncomingMessage]
  assert.equal(response.statusCode, 422)
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
