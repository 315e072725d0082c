import assert from 'node:assert/strict'
import test from 'node:test'
import { failoverTransport, ServerList } from './failover-transport.ts'
import type { Transport, TransportRequest, TransportResponse, WatchFrame } from './transport.ts'

type Answer = () => Promise<TransportResponse>

/** Servers by name, each of which answers, or fails, as its function says; and who was asked. */
function cluster(answers: Record<string, Answer>) {
  const asked: string[] = []
  const closed: string[] = []
  const servers = new ServerList(Object.keys(answers) as [string, ...string[]])
  const open = (url: string): Transport => ({
    request: () => {
      asked.push(url)
      return answers[url]!()
    },
    async [Symbol.asyncDispose]() {
      closed.push(url)
    },
  })
  return { transport: failoverTransport(servers, open), servers, asked, closed }
}

const well: Answer = async () => ({ status: 200, headers: {}, body: { kind: 'none' } })
const refused: Answer = async () => {
  throw Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
}
const reset: Answer = async () => {
  throw Object.assign(new Error('reset'), { code: 'ECONNRESET' })
}
const request = (method: TransportRequest['method'], signal?: AbortSignal): TransportRequest => ({ method, path: '/api', signal })

test('the next server is asked when one can not be reached, and stays in use', async () => {
  const { transport, asked, closed } = cluster({ a: refused, b: well, c: well })
  await transport.request(request('POST'))
  await transport.request(request('POST'))
  assert.deepEqual(asked, ['a', 'b', 'b'])
  assert.deepEqual(closed, ['a'])
  await transport[Symbol.asyncDispose]()
  assert.deepEqual(closed, ['a', 'b'])
})

test('a write that may have been done is not sent again, a read is', async () => {
  const { transport, asked } = cluster({ a: reset, b: well })
  await assert.rejects(transport.request(request('POST')), /reset/)
  assert.deepEqual(asked, ['a'])
  const other = cluster({ a: reset, b: well })
  await other.transport.request(request('GET'))
  assert.deepEqual(other.asked, ['a', 'b'])
})

test('each server is asked once before the caller hears of it', async () => {
  const { transport, asked } = cluster({ a: refused, b: refused })
  await assert.rejects(transport.request(request('GET')), /connect/)
  assert.deepEqual(asked, ['a', 'b'])
})

test('a request that its caller gave up is no fault of the server', async () => {
  const gone = new AbortController()
  gone.abort()
  const { transport, servers } = cluster({ a: reset, b: well })
  await assert.rejects(transport.request(request('GET', gone.signal)))
  assert.equal(servers.current, 'a')
})

test('a watch that breaks off begins anew at the next server', async () => {
  const broken = async function* (): AsyncIterable<WatchFrame> {
    yield { type: 'BOOKMARK', object: {}, bytes: () => new Uint8Array() }
    throw new Error('silent')
  }
  const { transport, servers } = cluster({
    a: async () => ({ status: 200, headers: {}, body: { kind: 'watch', frames: broken() } }),
    b: well,
  })
  const { body } = await transport.request(request('GET'))
  assert.ok(body.kind === 'watch')
  await assert.rejects(async () => {
    for await (const _ of body.frames);
  }, /silent/)
  assert.equal(servers.current, 'b')
})

test('a server that ends is left, but what it was asked before it still answers', async () => {
  const answer = Promise.withResolvers<TransportResponse>()
  const { transport, servers, asked, closed } = cluster({ a: () => answer.promise, b: well })
  const slow = transport.request(request('POST'))
  servers.failed('a', 'ending')
  await transport.request(request('POST'))
  assert.deepEqual([asked, closed], [['a', 'b'], []])
  answer.resolve({ status: 201, headers: {}, body: { kind: 'none' } })
  assert.equal((await slow).status, 201)
  assert.deepEqual(closed, ['a'])
})

test('a watch of a server that ends goes on at the next, whoever else still waits for an answer there', async () => {
  const signals: AbortSignal[] = []
  const answer = Promise.withResolvers<TransportResponse>()
  const servers = new ServerList(['a', 'b'])
  const transport = failoverTransport(servers, () => ({
    request: ({ query, signal }) => {
      if (query === undefined) return answer.promise
      signals.push(signal!)
      const ended = new Promise((resolve) => signal!.addEventListener('abort', resolve, { once: true }))
      const frames = (async function* (): AsyncIterable<WatchFrame> {
        await ended
        yield* []
      })()
      return Promise.resolve({ status: 200, headers: {}, body: { kind: 'watch', frames } })
    },
    async [Symbol.asyncDispose]() {},
  }))
  const slow = transport.request(request('POST'))
  const { body } = await transport.request({ ...request('GET'), query: new URLSearchParams({ watch: 'true' }) })
  assert.ok(body.kind === 'watch')
  servers.failed('a', 'ending')
  for await (const _ of body.frames);
  assert.deepEqual([signals.map(({ aborted }) => aborted), servers.current], [[true], 'b'])
  answer.resolve({ status: 201, headers: {}, body: { kind: 'none' } })
  assert.equal((await slow).status, 201)
})

test('who is in use stays so while it is in the list, and is left when it is not', async () => {
  const { transport, servers, closed } = cluster({ a: well, b: well })
  await transport.request(request('GET'))
  servers.replace(['b', 'a'])
  assert.equal(servers.current, 'a')
  servers.replace(['b'])
  assert.equal(servers.current, 'b')
  assert.deepEqual(closed, ['a'])
  servers.failed('b')
  assert.equal(servers.current, 'b', 'there is no other')
})
