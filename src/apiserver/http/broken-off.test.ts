import assert from 'node:assert/strict'
import { connect as connectHttp2, constants } from 'node:http2'
import test, { after, before } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { nullLog, systemClock, systemRandom } from '#base'
import type { BodyParts, ResponseBody, TransportRequest } from '#client'
import { createAuthority } from '#cluster'
import { type ClientTls, HTTP_VERSIONS } from '#testing'
import type { Pipeline } from '../pipeline.ts'
import { Lifecycle } from '../shutdown/lifecycle.ts'
import { listen } from './listener.ts'

const LENGTH = 4 * 1024 * 1024
const HALF = LENGTH / 2

/** A list that comes to its middle, and what is read there. */
function halfList(then: () => number): ResponseBody {
  const parts: BodyParts = {
    byteLength: LENGTH,
    [Symbol.iterator]: () => assert.fail('it has a reader'),
    reader() {
      let read = 0
      return (target) => {
        const length = Math.min(target.length, HALF - read)
        read += length
        return length > 0 ? length : then()
      }
    },
  }
  return { kind: 'object', object: {}, bytes: () => assert.fail('it is not joined'), parts: () => parts }
}

const BODIES: Readonly<Record<string, () => ResponseBody>> = {
  'a list whose objects come to an end too early': () => halfList(() => 0),
  'a list of which an object can not be read': () =>
    halfList(() => {
      throw new Error('damaged')
    }),
  'a stream whose source breaks': () => ({
    kind: 'stream',
    stream: (async function* () {
      yield Buffer.alloc(HALF)
      throw new Error('the other end is gone')
    })(),
  }),
}
const PATHS = Object.keys(BODIES).map((_, index) => `/${index}`)

/** Answers with what its path names, and with a word at any other. */
const pipeline = {
  handle: ({ path }: TransportRequest) => {
    const body = Object.values(BODIES)[PATHS.indexOf(path)]
    return { status: 200, headers: {}, body: body?.() ?? { kind: 'bytes', bytes: Buffer.from('whole') } }
  },
} as unknown as Pipeline

const stack = new AsyncDisposableStack()
let port: number
let tls: ClientTls

before(async () => {
  const authority = await createAuthority('test-authority', { clock: systemClock, random: systemRandom })
  const serving = await authority.issue({ commonName: 'kube-apiserver', hosts: ['127.0.0.1'], usages: ['server'] })
  const own = await authority.issue({ commonName: 'admin', usages: ['client'] })
  const options = { host: '127.0.0.1', port: 0, tls: { ...serving, clientCA: authority.certificate } }
  port = stack.use(await listen(pipeline, options, { lifecycle: new Lifecycle(), clock: systemClock, log: nullLog })).port
  tls = { ca: authority.certificate, cert: own.certificate, key: own.key }
})
after(() => stack.disposeAsync())

for (const [index, name] of Object.keys(BODIES).entries()) {
  const path = PATHS[index]!

  test(`HTTP/2: ${name} is reset, and other streams of its connection go on`, async () => {
    const session = connectHttp2(`https://127.0.0.1:${port}`, tls)
    try {
      const stream = session.request({ ':path': path })
      let bytes = 0
      stream.on('data', ({ length }: Buffer) => {
        bytes += length
      })
      stream.on('error', () => undefined)
      await new Promise((resolve) => stream.once('close', resolve))
      assert.deepEqual([stream.rstCode, bytes > 0 && bytes <= HALF], [constants.NGHTTP2_INTERNAL_ERROR, true])
      const whole = session.request({ ':path': '/whole' })
      const chunks = await Array.fromAsync(whole as AsyncIterable<Buffer>)
      assert.equal(Buffer.concat(chunks).toString(), 'whole')
    } finally {
      session.destroy()
    }
  })

  test(`HTTP/1.1: ${name} ends its connection, without a last chunk`, async () => {
    const socket = connectTls({ host: '127.0.0.1', port, ALPNProtocols: ['http/1.1'], ...tls })
    socket.on('error', () => undefined)
    socket.write(`GET ${path} HTTP/1.1\r\nhost: t8s\r\n\r\n`)
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    await new Promise((resolve) => socket.once('close', resolve))
    const received = Buffer.concat(chunks)
    const head = received.toString('latin1', 0, received.indexOf('\r\n\r\n')).toLowerCase()
    assert.match(head, /^http\/1\.1 200 /)
    assert.ok(received.length > head.length + 4, 'it had begun')
    if (/content-length: (\d+)/.exec(head)?.[1] === String(LENGTH)) assert.ok(received.length < LENGTH)
    else {
      assert.match(head, /transfer-encoding: chunked/)
      assert.notEqual(received.toString('latin1', received.length - 5), '0\r\n\r\n')
    }
  })
}

test('whoever reads the answer is told that it was broken off, over both', async () => {
  for (const [version, connect] of Object.entries(HTTP_VERSIONS)) {
    for (const path of PATHS) {
      using connection = connect(port, tls)
      await connection.connected
      const outcome = await connection
        .ask('GET', path)
        .then(({ body }) => body)
        .then(
          () => 'whole',
          () => 'broken off',
        )
      assert.equal(outcome, 'broken off', `${version} ${path}`)
    }
  }
})
