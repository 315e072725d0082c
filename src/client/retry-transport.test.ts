import assert from 'node:assert/strict'
import test from 'node:test'
import { VirtualClock } from '#base'
import { retryTransport } from './retry-transport.ts'
import type { TransportRequest, TransportResponse } from './transport.ts'

const answer = (status: number, headers: Record<string, string> = {}): TransportResponse => ({
  status,
  headers,
  body: { kind: 'none' },
})

/** A server with these answers, the last of which stays. */
function over(answers: TransportResponse[], clock: VirtualClock) {
  const asked: number[] = []
  const start = clock.now()
  const transport = retryTransport(
    {
      request: async () => {
        asked.push(clock.now() - start)
        return answers.length > 1 ? answers.shift()! : answers[0]!
      },
      async [Symbol.asyncDispose]() {},
    },
    clock,
  )
  return { asked, transport }
}

const post: TransportRequest = { method: 'POST', path: '/api/v1/namespaces', body: { kind: 'object', object: {} } }

test('a server that says when to come back is asked again then, for writes as well', async () => {
  const clock = new VirtualClock()
  const answers = [answer(503, { 'retry-after': '1' }), answer(429, { 'retry-after': '5' }), answer(201)]
  const { asked, transport } = over(answers, clock)
  const response = transport.request(post)
  await clock.advance(6_000)
  assert.equal((await response).status, 201)
  assert.deepEqual(asked, [0, 1_000, 6_000])
})

test('a server that never gets better is asked ten times more', async () => {
  const clock = new VirtualClock()
  const { asked, transport } = over([answer(500, { 'retry-after': '2' })], clock)
  const response = transport.request(post)
  await clock.advance(3_600_000)
  assert.equal((await response).status, 500)
  assert.equal(asked.length, 11)
  assert.equal(clock.pendingTimers, 0)
})

test('other answers, and what can be sent but once, are as they are', async () => {
  const clock = new VirtualClock()
  async function* body(): AsyncIterable<Uint8Array> {}
  for (const [given, request] of [
    [answer(500), post],
    [answer(429), post],
    [answer(409, { 'retry-after': '1' }), post],
    [answer(503, { 'retry-after': 'Fri, 31 Dec 1999 23:59:59 GMT' }), post],
    [answer(503, { 'retry-after': '1' }), { ...post, body: { kind: 'stream', stream: body() } }],
  ] as const) {
    const { asked, transport } = over([given], clock)
    assert.equal((await transport.request(request)).status, given.status)
    assert.equal(asked.length, 1)
  }
})

test('whoever does not want an answer any more does not wait for it', async () => {
  const clock = new VirtualClock()
  const stop = new AbortController()
  const { transport } = over([answer(503, { 'retry-after': '60' })], clock)
  const response = assert.rejects(transport.request({ ...post, signal: stop.signal }), /enough/)
  await clock.advance(0)
  stop.abort(new Error('enough'))
  await response
  assert.equal(clock.pendingTimers, 0)
})
