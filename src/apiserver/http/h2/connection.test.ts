import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants, type IncomingHttpHeaders } from 'node:http2'
import { type Duplex, duplexPair } from 'node:stream'
import test from 'node:test'
import { type Answer, seededRandom, settle, VirtualClock } from '#base'
import { Connection } from './connection.ts'
import type { Exchange } from './exchange.ts'
import { FLAGS, HEAD_BYTES, PREFACE, TYPES, writeHead } from './frames.ts'
import { HeaderDecoder } from './header-decoder.ts'
import type { RequestHead } from './request-head.ts'
import { SETTINGS, settingsFrame } from './settings.ts'

type Serve = (head: RequestHead, exchange: Exchange) => Answer<void>

const limits = { handshakeMs: 10_000, headersMs: 32_000, idleMs: 90_000 }

function accept(serve: Serve): { readonly connection: Connection; readonly other: Duplex; readonly clock: VirtualClock } {
  const clock = new VirtualClock()
  const [socket, other] = duplexPair()
  const failed = (error: unknown): never => {
    throw error
  }
  const connection = new Connection(socket, { clock, limits, date: () => 'Thu, 01 Jan 1970 00:00:00 GMT', serve, failed })
  return { connection, other, clock }
}

/** Another's client, at the other end of memory. */
function clientOf(serve: Serve, settings: object = {}) {
  const lab = accept(serve)
  const session = connect('http://localhost', { createConnection: () => lab.other, settings })
  session.on('error', () => undefined)
  return { ...lab, session, [Symbol.dispose]: () => session.destroy() }
}

interface Answered {
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

async function answerOf(stream: ClientHttp2Stream): Promise<Answered> {
  stream.on('error', () => undefined)
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders]
  if (!stream.closed) await once(stream, 'close')
  return { headers, body: Buffer.concat(chunks) }
}

const ask = (session: ClientHttp2Session, path: string, headers: object = {}, body?: Buffer): Promise<Answered> => {
  const stream = session.request({ ':path': path, ':method': body === undefined ? 'GET' : 'POST', ...headers })
  stream.end(body)
  return answerOf(stream)
}

const wholeOf = (bytes: Buffer) => ({ byteLength: bytes.length, [Symbol.iterator]: () => [bytes][Symbol.iterator]() })

/** Says what it was asked, and sends back the body. */
const echo: Serve = async (head, exchange) => {
  const chunks: Uint8Array[] = []
  for await (const chunk of exchange.body ?? []) chunks.push(chunk)
  const asked = Buffer.from(`${head.method} ${head.url} ${JSON.stringify(head.headers)}\n`)
  const body = Buffer.concat([asked, ...chunks])
  exchange.head(200, { 'content-type': 'text/plain' }, body.length)
  exchange.endWith(wholeOf(body))
}

test("Node's client is understood: heads, bodies of any size, trailers, many at once", async () => {
  using lab = clientOf(echo)
  const { headers, body } = await ask(lab.session, '/a?b=c', { cookie: ['x=1', 'y=2'], accept: ['a', 'b'] })
  assert.deepEqual(
    [headers[':status'], headers['content-type'], headers.date],
    [200, 'text/plain', 'Thu, 01 Jan 1970 00:00:00 GMT'],
  )
  assert.equal(body.toString(), 'GET /a?b=c {"cookie":"x=1; y=2","accept":"a, b"}\n')
  const sizes = [0, 1, 16_383, 16_384, 16_385, 100_000, 3_000_000]
  const answers = await Promise.all(sizes.map((size) => ask(lab.session, `/${size}`, {}, Buffer.alloc(size, String(size)))))
  for (const [at, size] of sizes.entries()) {
    const text = answers[at]!.body
    const start = text.indexOf('\n') + 1
    assert.equal(text.length - start, size)
    assert.deepEqual(text.subarray(start), Buffer.alloc(size, String(size)))
  }
  const stream = lab.session.request({ ':method': 'POST', ':path': '/' }, { waitForTrailers: true } as object)
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-checksum': 'abc' }))
  stream.end('with trailers')
  assert.match((await answerOf(stream)).body.toString(), /\nwith trailers$/)
})

test('an answer goes out as the client takes it: small windows, long bodies, streams that stand still beside others', async () => {
  const long = Buffer.from(Array.from({ length: 500_000 }, (_, at) => at % 251))
  using lab = clientOf(
    (head, exchange) => {
      if (head.url === '/small') {
        exchange.head(200, {}, 5)
        exchange.endWith(wholeOf(Buffer.from('small')))
        return
      }
      exchange.head(200, {}, long.length)
      if (head.url === '/queued') return exchange.end(long)
      let at = 0
      return exchange.pour((target) => {
        // Often less than there would be room for.
        const length = Math.min(target.length, 7_001, long.length - at)
        long.copy(target, 0, at, at + length)
        at += length
        return length
      }, long.length)
    },
    { initialWindowSize: 1_000 },
  )
  const still = lab.session.request({ ':path': '/poured' })
  await once(still, 'response')
  const answers = await Promise.all(['/poured', '/queued', '/small'].map((path) => ask(lab.session, path)))
  assert.deepEqual(
    answers.map(({ body }) => body),
    [long, long, Buffer.from('small')],
  )
  assert.deepEqual((await bodyOf(still)).length, long.length)
})

async function bodyOf(stream: ClientHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

test('whoever writes is told to wait, and to go on; and that the client has gone', async () => {
  const events: string[] = []
  const served = Promise.withResolvers<Exchange>()
  using lab = clientOf((_, exchange) => {
    exchange.on('close', () => events.push('close'))
    exchange.on('drain', () => events.push('drain'))
    exchange.head(200, {})
    exchange.flush()
    served.resolve(exchange)
  })
  const stream = lab.session.request({ ':path': '/' })
  const exchange = await served.promise
  assert.equal(exchange.write(Buffer.alloc(60_000)), true)
  assert.equal(exchange.write(Buffer.alloc(60_000)), false)
  assert.deepEqual([exchange.writableNeedDrain, events], [true, []])
  stream.resume()
  while (events.length === 0) await settle()
  assert.deepEqual([exchange.writableNeedDrain, events], [false, ['drain']])
  stream.close(constants.NGHTTP2_CANCEL)
  while (!exchange.destroyed) await settle()
  assert.deepEqual(events, ['drain', 'close'])
  assert.equal(exchange.write(Buffer.alloc(1)), false)
})

test('a body that is broken off fails for its reader, and an answer that is broken off for the client', async () => {
  const failed = Promise.withResolvers<unknown>()
  const begun = Promise.withResolvers<void>()
  using lab = clientOf(async (head, exchange) => {
    if (head.method === 'POST') {
      try {
        for await (const chunk of exchange.body!) if (chunk.length > 0) begun.resolve()
      } catch (error) {
        failed.resolve(error)
      }
      return
    }
    exchange.head(200, {}, 10)
    exchange.write(Buffer.from('half'))
    exchange.destroy()
  })
  const sending = lab.session.request({ ':method': 'POST', ':path': '/', 'content-length': 10 })
  sending.on('error', () => undefined)
  sending.write('half')
  await begun.promise
  sending.close(constants.NGHTTP2_CANCEL)
  assert.match(String(await failed.promise), /closed/)
  const stream = lab.session.request({ ':path': '/' })
  const [error] = (await once(stream, 'error')) as [Error]
  assert.match(error.message, /INTERNAL_ERROR/)
})

test('a server that ends finishes what is under way and begins nothing', async () => {
  const held: Exchange[] = []
  using lab = clientOf((_, exchange) => void held.push(exchange))
  const stream = lab.session.request({ ':path': '/' })
  const answered = answerOf(stream)
  while (held.length === 0) await settle()
  const goaways: number[] = []
  lab.session.on('goaway', (_, last) => goaways.push(last))
  lab.connection.retire()
  lab.connection.close()
  while (goaways.length < 2) await settle()
  assert.deepEqual(goaways, [2 ** 31 - 1, 1])
  held[0]!.head(200, {}, 4)
  held[0]!.end(Buffer.from('done'))
  assert.equal((await answered).body.toString(), 'done')
  if (!lab.session.destroyed) await once(lab.session, 'close')
})

/** A peer that says what it likes, and reads in frames. */
class Peer {
  readonly #socket: Duplex
  readonly #decoder = new HeaderDecoder({ bytes: 64 * 1024, fields: 256 })
  #rest = Buffer.alloc(0)
  readonly seen: { readonly type: number; readonly flags: number; readonly stream: number; readonly payload: Buffer }[] = []

  constructor(socket: Duplex) {
    this.#socket = socket
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, chunk])
      while (this.#rest.length >= HEAD_BYTES && this.#rest.length >= HEAD_BYTES + this.#rest.readUIntBE(0, 3)) {
        const end = HEAD_BYTES + this.#rest.readUIntBE(0, 3)
        const [type, flags, stream] = [this.#rest[3]!, this.#rest[4]!, this.#rest.readUInt32BE(5)]
        this.seen.push({ type, flags, stream, payload: Buffer.from(this.#rest.subarray(HEAD_BYTES, end)) })
        this.#rest = this.#rest.subarray(end)
      }
    })
  }

  send(type: number, flags: number, stream: number, payload: Buffer | string = ''): this {
    const bytes = typeof payload === 'string' ? Buffer.from(payload, 'hex') : payload
    const frame = Buffer.alloc(HEAD_BYTES + bytes.length)
    bytes.copy(frame, writeHead(frame, 0, bytes.length, type, flags, stream))
    this.#socket.write(frame)
    return this
  }

  begin(settings: readonly (readonly [number, number])[] = []): this {
    this.#socket.write(Buffer.concat([PREFACE, settingsFrame(settings)]))
    return this
  }

  raw(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  /** What was said last of a stream: a status, the code of a reset; of the connection the code of its end. */
  async verdict(stream: number): Promise<string> {
    for (let turn = 0; turn < 20; turn++) await settle()
    const said = this.seen.filter(
      (frame) => frame.stream === stream && frame.type !== TYPES.settings && frame.type !== TYPES.windowUpdate,
    )
    const last = said.findLast(({ type }) => type !== TYPES.data)
    if (last === undefined) return 'nothing'
    if (last.type === TYPES.headers) return this.#decoder.decode(last.payload).fields[0]!.value
    if (last.type === TYPES.reset) return `reset ${last.payload.readUInt32BE(0)}`
    return last.type === TYPES.goaway ? `end ${last.payload.readUInt32BE(4)}` : `type ${last.type}`
  }
}

/** GET https /, of a; and POST. */
const GET = '828784410161'
const POST = '838784410161'
const ALL = FLAGS.endHeaders | FLAGS.endStream
const literal = (name: string, value: string): string =>
  [name, value].reduce(
    (hex, text) => hex + Buffer.from([text.length]).toString('hex') + Buffer.from(text, 'latin1').toString('hex'),
    '00',
  )

/** What a peer does after its settings, and what becomes of it: on a stream, or (0) on the connection. */
const MISTAKES: Readonly<Record<string, readonly [act: (peer: Peer) => void, stream: number, verdict: string]>> = {
  'no mistake': [(peer) => peer.send(TYPES.headers, ALL, 1, GET), 1, '200'],
  'a name in capitals': [(peer) => peer.send(TYPES.headers, ALL, 1, GET + literal('X-A', 'b')), 1, 'reset 1'],
  'a name with a space': [(peer) => peer.send(TYPES.headers, ALL, 1, GET + literal('x a', 'b')), 1, 'reset 1'],
  'space around a value': [(peer) => peer.send(TYPES.headers, ALL, 1, GET + literal('x-a', ' b ')), 1, '200'],
  'space at the end of a path': [(peer) => peer.send(TYPES.headers, ALL, 1, `8287${literal(':path', '/a ')}`), 1, 'reset 1'],
  'a value with a line break': [(peer) => peer.send(TYPES.headers, ALL, 1, GET + literal('x-a', 'b\r\nc: d')), 1, 'reset 1'],
  'a value with a NUL': [(peer) => peer.send(TYPES.headers, ALL, 1, GET + literal('x-a', 'b\0')), 1, 'reset 1'],
  'a field of a connection': [(peer) => peer.send(TYPES.headers, ALL, 1, GET + literal('connection', 'close')), 1, 'reset 1'],
  'a coding of transfer': [
    (peer) => peer.send(TYPES.headers, ALL, 1, GET + literal('transfer-encoding', 'chunked')),
    1,
    'reset 1',
  ],
  'te that is not trailers': [(peer) => peer.send(TYPES.headers, ALL, 1, GET + literal('te', 'gzip')), 1, 'reset 1'],
  'te: trailers is none': [(peer) => peer.send(TYPES.headers, ALL, 1, GET + literal('te', 'trailers')), 1, '200'],
  'a pseudo-header after others': [(peer) => peer.send(TYPES.headers, ALL, 1, `8287${literal('x-a', 'b')}84`), 1, 'reset 1'],
  'a pseudo-header twice': [(peer) => peer.send(TYPES.headers, ALL, 1, `${GET}84`), 1, 'reset 1'],
  'a pseudo-header of an answer': [(peer) => peer.send(TYPES.headers, ALL, 1, `${GET}88`), 1, 'reset 1'],
  'no path': [(peer) => peer.send(TYPES.headers, ALL, 1, '8287'), 1, 'reset 1'],
  'no scheme': [(peer) => peer.send(TYPES.headers, ALL, 1, '8284'), 1, 'reset 1'],
  'a path that is none': [(peer) => peer.send(TYPES.headers, ALL, 1, `8287${literal(':path', 'a')}`), 1, 'reset 1'],
  'two lengths': [(peer) => peer.send(TYPES.headers, 4, 1, POST + literal('content-length', '1').repeat(2)), 1, 'reset 1'],
  'a length that is none': [(peer) => peer.send(TYPES.headers, 4, 1, POST + literal('content-length', '+1')), 1, 'reset 1'],
  'a length without a body': [(peer) => peer.send(TYPES.headers, ALL, 1, POST + literal('content-length', '1')), 1, 'reset 1'],
  'less than the length': [
    (peer) => peer.send(TYPES.headers, 4, 1, POST + literal('content-length', '3')).send(TYPES.data, 1, 1, 'abcd'),
    1,
    'reset 1',
  ],
  'more than the length': [
    (peer) => peer.send(TYPES.headers, 4, 1, POST + literal('content-length', '1')).send(TYPES.data, 0, 1, 'abcd'),
    1,
    'reset 1',
  ],
  'trailers that go on': [
    (peer) => peer.send(TYPES.headers, 4, 1, POST).send(TYPES.headers, 4, 1, literal('x-a', 'b')),
    1,
    'reset 1',
  ],
  'pseudo-headers in trailers': [(peer) => peer.send(TYPES.headers, 4, 1, POST).send(TYPES.headers, 5, 1, '82'), 1, 'reset 1'],
  'a tunnel': [
    (peer) => peer.send(TYPES.headers, ALL, 1, literal(':method', 'CONNECT') + literal(':authority', 'a:1')),
    1,
    '405',
  ],
  'a window that grows by nothing': [
    (peer) => peer.send(TYPES.headers, 4, 1, POST).send(TYPES.windowUpdate, 0, 1, '00000000'),
    1,
    'reset 1',
  ],
  'a window beyond all bounds': [
    (peer) => peer.send(TYPES.headers, 4, 1, POST).send(TYPES.windowUpdate, 0, 1, '7fffffff'),
    1,
    'reset 3',
  ],
  'data after the end': [
    (peer) => peer.send(TYPES.headers, ALL, 1, `83${GET.slice(2, 6)}${literal('x-hold', '1')}`).send(TYPES.data, 0, 1, 'ab'),
    1,
    'reset 5',
  ],
  'data on a stream that was closed': [
    (peer) => peer.send(TYPES.headers, ALL, 1, GET).send(TYPES.data, 0, 1, 'ab'),
    1,
    'reset 5',
  ],
  'too many fields': [(peer) => peer.send(TYPES.headers, ALL, 1, GET + '90'.repeat(300)), 1, '431'],
  'a head on a stream that was closed': [
    (peer) => peer.send(TYPES.headers, ALL, 1, GET).send(TYPES.headers, ALL, 1, GET),
    0,
    'end 5',
  ],
  'a head on a stream of ours': [(peer) => peer.send(TYPES.headers, ALL, 2, GET), 0, 'end 1'],
  'a head on none': [(peer) => peer.send(TYPES.headers, ALL, 0, GET), 0, 'end 1'],
  'data on a stream that is none': [(peer) => peer.send(TYPES.data, 0, 3, 'ab'), 0, 'end 1'],
  'data on no stream': [(peer) => peer.send(TYPES.data, 0, 0, 'ab'), 0, 'end 1'],
  'a reset of a stream that is none': [(peer) => peer.send(TYPES.reset, 0, 3, '00000008'), 0, 'end 1'],
  'a reset of no length': [(peer) => peer.send(TYPES.headers, 4, 1, POST).send(TYPES.reset, 0, 1, '08'), 0, 'end 6'],
  'a window of the connection that grows by nothing': [(peer) => peer.send(TYPES.windowUpdate, 0, 0, '00000000'), 0, 'end 1'],
  'a window of the connection beyond all bounds': [(peer) => peer.send(TYPES.windowUpdate, 0, 0, '7fffffff'), 0, 'end 3'],
  'a push': [(peer) => peer.send(TYPES.push, 4, 1, '00000002'), 0, 'end 1'],
  'a ping of no length': [(peer) => peer.send(TYPES.ping, 0, 0, '00'), 0, 'end 6'],
  'a ping on a stream': [(peer) => peer.send(TYPES.ping, 0, 1, '0000000000000000'), 0, 'end 1'],
  'settings on a stream': [(peer) => peer.send(TYPES.settings, 0, 1), 0, 'end 1'],
  'an acknowledgement with content': [(peer) => peer.send(TYPES.settings, 1, 0, '000400000000'), 0, 'end 6'],
  'another frame within a head': [
    (peer) => peer.send(TYPES.headers, 1, 1, '82').send(TYPES.ping, 0, 0, '0000000000000000'),
    0,
    'end 1',
  ],
  'more of another head': [(peer) => peer.send(TYPES.headers, 1, 1, '82').send(TYPES.continuation, 4, 3, '87'), 0, 'end 1'],
  'more of no head': [(peer) => peer.send(TYPES.continuation, 4, 1, '87'), 0, 'end 1'],
  'a head that is none': [(peer) => peer.send(TYPES.headers, ALL, 1, 'ff'), 0, 'end 9'],
  'a frame of a kind that nobody knows is none': [
    (peer) => peer.send(0xbe, 0xff, 1, 'abcd').send(TYPES.headers, ALL, 1, GET),
    1,
    '200',
  ],
  'a head in pieces is none': [
    (peer) =>
      peer.send(TYPES.headers, 1, 1, '82').send(TYPES.continuation, 0, 1, '8784').send(TYPES.continuation, 4, 1, '410161'),
    1,
    '200',
  ],
}

/** Answers what it is not asked to hold. */
const answerOrHold: Serve = (head, exchange) => {
  if (exchange.body !== undefined || head.headers['x-hold'] !== undefined) return
  exchange.head(200, {}, 2)
  exchange.endWith(wholeOf(Buffer.from('ok')))
}

test('mistakes end what they are mistakes of, with the code of RFC 9113', async (context) => {
  for (const [name, [act, stream, verdict]] of Object.entries(MISTAKES))
    await context.test(name, async () => {
      const { other, clock } = accept(answerOrHold)
      const peer = new Peer(other)
      act(peer.begin())
      assert.equal(await peer.verdict(stream), verdict)
      if (stream !== 0) assert.match(await peer.verdict(0), /^nothing$/, 'the connection goes on')
      other.destroy()
      await clock.advance(1_000)
    })
})

test('a client that does not begin with its settings is no client', async () => {
  const { other } = accept(answerOrHold)
  const peer = new Peer(other)
  peer.raw(PREFACE)
  peer.send(TYPES.headers, ALL, 1, GET)
  assert.equal(await peer.verdict(0), 'end 1')
})

test('whoever begins nothing, goes silent or never finishes a head is cut off in time', async () => {
  const after = async (ms: number, act: (peer: Peer) => void): Promise<string> => {
    const { other, clock } = accept(answerOrHold)
    const peer = new Peer(other)
    act(peer)
    await peer.verdict(0)
    await clock.advance(ms)
    const verdict = await peer.verdict(0)
    other.destroy()
    await clock.advance(1_000)
    return verdict
  }
  assert.equal(await after(9_999, () => undefined), 'nothing')
  assert.equal(await after(10_000, () => undefined), 'end 0')
  assert.equal(await after(89_999, (peer) => peer.begin()), 'nothing')
  assert.equal(await after(90_001, (peer) => peer.begin()), 'end 0')
  assert.equal(await after(200_000, (peer) => peer.begin().send(TYPES.headers, 4, 1, POST)), 'nothing')
  assert.equal(await after(32_000, (peer) => peer.begin().send(TYPES.headers, 1, 1, '82')), 'end 11')
})

test('more at once than there may be is refused, as is more of who takes no answers', async () => {
  const { other, clock } = accept((head, exchange) => {
    if (head.headers['x-hold'] !== undefined) return
    exchange.head(200, {})
    exchange.end(Buffer.alloc(64 * 1024))
  })
  const peer = new Peer(other)
  peer.begin([[SETTINGS.initialWindowSize, 0]])
  for (let at = 0; at < 140; at++) peer.send(TYPES.headers, ALL, at * 2 + 1, GET)
  assert.equal(await peer.verdict(1), '200')
  assert.equal(await peer.verdict(279), 'reset 7')
  for (let at = 0; at < 140; at++) peer.send(TYPES.reset, 0, at * 2 + 1, '00000008')
  for (let at = 0; at < 1_001; at++) peer.send(TYPES.headers, ALL, 1_001 + at * 2, GET + literal('x-hold', '1'))
  assert.equal(await peer.verdict(2_999), 'nothing')
  assert.equal(await peer.verdict(3_001), 'reset 7')
  other.destroy()
  await clock.advance(1_000)
})

test('a client that opens and cancels without end, and one that opens its window by drops, is sent away', async () => {
  const { other, clock } = accept(answerOrHold)
  const peer = new Peer(other)
  peer.begin()
  for (let at = 0; at < 1_002; at++) peer.send(TYPES.headers, 4, at * 2 + 1, POST).send(TYPES.reset, 0, at * 2 + 1, '00000008')
  assert.equal(await peer.verdict(0), 'end 11')
  await clock.advance(1_000)
  const slow = accept((_, exchange) => {
    exchange.head(200, {})
    exchange.end(Buffer.alloc(64 * 1024))
  })
  const dripping = new Peer(slow.other)
  dripping.begin([[SETTINGS.initialWindowSize, 0]]).send(TYPES.headers, ALL, 1, GET)
  for (let at = 0; at < 10_002; at++) dripping.send(TYPES.windowUpdate, 0, 1, '00000001')
  assert.equal(await dripping.verdict(0), 'end 11')
  await slow.clock.advance(1_000)
})

test('whatever a peer sends, only its connection ends', async () => {
  const random = seededRandom(5)
  const pick = (most: number): number => Math.floor(random.float() * most)
  for (let turn = 0; turn < 300; turn++) {
    const { other, clock } = accept(echo)
    const peer = new Peer(other)
    peer.begin()
    for (let at = 0; at < 30; at++) {
      const payload =
        random.float() < 0.5 ? Buffer.from(GET, 'hex') : Buffer.from(Array.from({ length: pick(40) }, () => pick(256)))
      if (payload.length > 0 && random.float() < 0.3) payload[pick(payload.length)] = pick(256)
      const flags = random.float() < 0.6 ? ALL : pick(256)
      peer.send(pick(11), flags, random.float() < 0.7 ? at * 2 + 1 : pick(8), payload)
    }
    await settle()
    other.destroy()
    await clock.advance(2_000)
    assert.equal(clock.pendingTimers, 0, 'nothing is left of it')
  }
})
