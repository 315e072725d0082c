import assert from 'node:assert/strict'
import { type Duplex, duplexPair } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import test from 'node:test'
import { systemClock } from '#base'
import { SpdyConnection } from './connection.ts'
import { controlFrame, dataFrame, readFrames, SYN_STREAM } from './frames.ts'
import { HeaderCodec } from './headers.ts'
import type { SpdyStream } from './stream.ts'

const clock = systemClock

async function pair(onStream?: (stream: SpdyStream) => void) {
  const [near, far] = duplexPair() as [Duplex, Duplex]
  const client = await SpdyConnection.open(near, { role: 'client', clock })
  const server = await SpdyConnection.open(far, { role: 'server', clock, onStream })
  return {
    client,
    server,
    near,
    far,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

test('headers go through one zlib stream with the dictionary of SPDY/3', async () => {
  using packer = await HeaderCodec.create()
  using unpacker = await HeaderCodec.create()
  const first = await packer.pack({ streamType: 'error', port: '80' })
  assert.equal(first.subarray(0, 6).toString('hex'), '78bbe3c6a7c2')
  assert.deepEqual({ ...(await unpacker.unpack(first)) }, { streamtype: 'error', port: '80' })
  const second = await packer.pack({ streamtype: 'data', port: '80' })
  assert.ok(second.length < first.length)
  assert.deepEqual({ ...(await unpacker.unpack(second)) }, { streamtype: 'data', port: '80' })
})

test('streams carry bytes both ways and half-close', async () => {
  await using ends = await pair((stream) => {
    let said = ''
    stream.on('data', (chunk) => {
      said += chunk
    })
    stream.on('end', () => stream.end(`${stream.headers['streamtype']} heard ${said}`))
  })
  const streams = await Promise.all(['a', 'b'].map((streamtype) => ends.client.createStream({ streamtype })))
  streams[0]!.end('one')
  streams[1]!.end('two')
  assert.deepEqual(await Promise.all(streams.map((stream) => text(stream))), ['a heard one', 'b heard two'])
})

test('three megabytes arrive whole at a slow reader', async () => {
  const sent = Buffer.alloc(3 * 1024 * 1024, 'typernetes')
  await using ends = await pair((stream) => stream.end(sent))
  const stream = await ends.client.createStream({})
  const received = await buffer(stream)
  assert.ok(received.equals(sent))
})

test('when the other end hangs up, readers come to an end', async () => {
  await using ends = await pair((stream) => {
    stream.write('last words')
    setImmediate(() => void ends.server.close())
  })
  const stream = await ends.client.createStream({})
  assert.equal(await text(stream), 'last words')
})

test('a refused stream rejects, and so does one on a closed connection', async () => {
  await using ends = await pair()
  await assert.rejects(ends.client.createStream({}), /refused/)
  await ends.client[Symbol.asyncDispose]()
  await assert.rejects(ends.client.createStream({}), /closed/)
})

test('frames are found whatever the chunks', async () => {
  const bytes = Buffer.concat([
    dataFrame(1, Buffer.from('abc'), false),
    controlFrame(6, 0, 7),
    dataFrame(3, Buffer.alloc(0), true),
  ])
  for (const size of [1, 3, 8, 100]) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
    const kinds: string[] = []
    const source = (async function* () {
      yield* chunks
    })()
    for await (const frame of readFrames(source))
      kinds.push(frame.kind === 'data' ? `data ${frame.stream} ${frame.bytes}` : 'control')
    assert.deepEqual(kinds, ['data 1 abc', 'control', 'data 3 '])
  }
})

test('hostile bytes end the connection, not the process', async () => {
  const hostile: Buffer[] = [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.from('ffffffffffffffffffffffff', 'hex'),
    Buffer.from('8003000100ffffff', 'hex'),
    controlFrame(SYN_STREAM, 0, 1, 0, Buffer.alloc(2), Buffer.from('no zlib at all')),
    controlFrame(SYN_STREAM, 0, 2, 0, Buffer.alloc(2)),
    controlFrame(SYN_STREAM, 0),
  ]
  for (const bytes of hostile) {
    const [near, far] = duplexPair() as [Duplex, Duplex]
    far.on('error', () => {})
    far.resume()
    await using server = await SpdyConnection.open(near, { role: 'server', clock, onStream: () => {} })
    far.end(bytes)
    await server.closed
  }
})
