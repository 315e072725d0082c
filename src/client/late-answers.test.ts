import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import { nextTurn } from '#base'
import { certificatesFor, TEST_ADMIN } from '#testing'
import { httpTransport } from './http-transport.ts'

test('an answer that comes when its request was given up does not end the process with its connection', async () => {
  const { tls, client } = await certificatesFor(TEST_ADMIN)
  const stop = new AbortController()
  let answered = 0
  const server = createSecureServer({ cert: tls.certificate, key: tls.key }, (request, response) => {
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.write('{')
    answered++
    // The client has not read it yet.
    if (request.url === '/given-up') stop.abort()
    else response.end('}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const transport = httpTransport({ server: `https://127.0.0.1:${port}`, ...client })
  await transport.request({ method: 'GET', path: '/first' })
  await assert.rejects(transport.request({ method: 'GET', path: '/given-up', signal: stop.signal }), { name: 'AbortError' })
  // Behind it on the same connection.
  await transport.request({ method: 'GET', path: '/next' })
  assert.equal(answered, 3)
  await transport[Symbol.asyncDispose]()
  await nextTurn()
  await new Promise((resolve) => server.close(resolve))
})
