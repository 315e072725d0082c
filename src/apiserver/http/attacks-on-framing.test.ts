import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2, constants } from 'node:http2'
import { connect as connectTcp, type Socket } from 'node:net'
import test, { after, before } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import type { ListenOptions } from '#apiserver'
import { systemClock, systemRandom } from '#base'
import { createAuthority } from '#cluster'
import { startTestApiServer } from '#testing'

const stack = new AsyncDisposableStack()
let port: number
/** Another door to the same server, of which it shuts out the slow sooner. */
let listenWith: (limits: NonNullable<ListenOptions['limits']>) => Promise<number>
let tls: { readonly ca: string; readonly cert: string; readonly key: string }

before(async () => {
  const api = stack.use(await startTestApiServer())
  const authority = await createAuthority('test-authority', { clock: systemClock, random: systemRandom })
  const serving = await authority.issue({ commonName: 'kube-apiserver', hosts: ['127.0.0.1'], usages: ['server'] })
  const own = await authority.issue({ commonName: 'admin', organizations: ['system:masters'], usages: ['client'] })
  const at = { host: '127.0.0.1', port: 0, tls: { ...serving, clientCA: authority.certificate } }
  port = stack.use(await api.server.listen(at)).port
  listenWith = async (limits) => stack.use(await api.server.listen({ ...at, limits })).port
  tls = { ca: authority.certificate, cert: own.certificate, key: own.key }
})
after(() => stack.disposeAsync())

async function socketFor(protocol: 'h2' | 'http/1.1'): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ...tls, ALPNProtocols: [protocol] })
  // Whoever attacks is cut off, sometimes while it is still sending.
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect')
  return socket
}

const closeOf = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })

/** Sends bytes as they are and reads until the server ends the connection. */
async function send(bytes: string): Promise<string> {
  const socket = await socketFor('http/1.1')
  socket.write(bytes)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await closeOf(socket)
  return Buffer.concat(chunks).toString()
}

/** That the server is there for others. */
async function answersOthers(): Promise<void> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, tls)
  const stream = session.request({ ':path': '/livez' })
  const [headers] = (await once(stream, 'response')) as [{ readonly ':status'?: number }]
  assert.equal(headers[':status'], 200)
  session.destroy()
}

const HEAD = 'POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n'
const CLOSE = 'Connection: close\r\n'
const SECOND = 'GET /api/v1/secrets HTTP/1.1\r\nHost: a\r\n\r\n'

/** Requests of which two readers could see different ends or different heads. */
const SMUGGLED: Readonly<Record<string, string>> = {
  'two lengths that differ': `${HEAD}Content-Length: 0\r\nContent-Length: ${SECOND.length}\r\n\r\n${SECOND}`,
  'two lengths that are the same': `${HEAD}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`,
  'a list of lengths': `${HEAD}Content-Length: 0, ${SECOND.length}\r\n\r\n${SECOND}`,
  'a length with a sign': `${HEAD}Content-Length: +0\r\n\r\n${SECOND}`,
  'a length in hexadecimal': `${HEAD}Content-Length: 0x2\r\n\r\n{}`,
  'a length below zero': `${HEAD}Content-Length: -1\r\n\r\n`,
  'a length beyond all numbers': `${HEAD}Content-Length: 99999999999999999999999\r\n\r\n`,
  'chunks and a length': `${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${SECOND}`,
  'a length and chunks': `${HEAD}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SECOND}`,
  'chunks that are not last': `${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${SECOND}`,
  'chunks in another spelling': `${HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${SECOND}`,
  'chunks with a space before the colon': `${HEAD}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${SECOND}`,
  'a chunk whose size is none': `${HEAD}Transfer-Encoding: chunked\r\n\r\nx\r\n\r\n${SECOND}`,
  'a chunk whose size is beyond all numbers': `${HEAD}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\n`,
  'a header on two lines (obs-fold)': `GET /livez HTTP/1.1\r\nHost: a\r\nX-A: b\r\n Impersonate-User: admin\r\n\r\n`,
  'a NUL in a value': `GET /livez HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n`,
  'a NUL in a name': `GET /livez HTTP/1.1\r\nHost: a\r\nX\0A: b\r\n\r\n`,
  'a bare carriage return': `GET /livez HTTP/1.1\r\nHost: a\r\nX-A: b\rX-Remote-User: admin\r\n\r\n`,
  'a space in a name': `GET /livez HTTP/1.1\r\nHost: a\r\nX A: b\r\n\r\n`,
  'no host': `GET /livez HTTP/1.1\r\n\r\n`,
  'another protocol': `GET /livez HTTP/9.9\r\nHost: a\r\n\r\n`,
  'no protocol': `GET /livez\r\n\r\n`,
  'a method that is none': `G\0T /livez HTTP/1.1\r\nHost: a\r\n\r\n`,
}

test('a request of which two readers could see different things is refused, and what follows it is no request', async (context) => {
  for (const [name, bytes] of Object.entries(SMUGGLED))
    await context.test(name, async () => {
      const answer = await send(bytes)
      assert.match(answer, /^(HTTP\/1\.1 4\d\d |$)/)
      assert.equal(answer.match(/HTTP\/1\.1 /g)?.length ?? 0, answer === '' ? 0 : 1, 'one answer')
      assert.doesNotMatch(answer, /SecretList/)
    })
  await answersOthers()
})

test('what the framing lets through reaches nobody under another name', async () => {
  const impersonating = `POST /apis/authentication.k8s.io/v1/selfsubjectreviews HTTP/1.1\r\nHost: a\r\n${CLOSE}Content-Type: application/json\r\n`
  const review = '{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
  const claimed = `X-Remote-User: root\r\nx_remote_user: root\r\nX-Remote-Group: system:masters\r\n`
  const answer = await send(`${impersonating}${claimed}Content-Length: ${review.length}\r\n\r\n${review}`)
  assert.match(answer, /"username":"admin"/)
})

test('a head that is too large is refused', async () => {
  const answer = await send(`GET /livez HTTP/1.1\r\nHost: a\r\nX-A: ${'x'.repeat(128 * 1024)}\r\n\r\n`)
  assert.match(answer, /^(HTTP\/1\.1 431 |$)/)
  const many = Array.from({ length: 20_000 }, (_, index) => `X-${index}: y\r\n`).join('')
  assert.match(await send(`GET /livez HTTP/1.1\r\nHost: a\r\n${many}\r\n`), /^(HTTP\/1\.1 431 |$)/)
  await answersOthers()
})

test('whoever never finishes a head, a handshake or anything is cut off', async () => {
  const strict = await listenWith({ handshakeMs: 200, headersMs: 200, idleMs: 200, checkEveryMs: 50 })
  const open = (protocol: string, ...lines: string[]): Socket => {
    const socket = connect({ host: '127.0.0.1', port: strict, ...tls, ALPNProtocols: [protocol] })
    socket.once('secureConnect', () => socket.write(lines.join('\r\n')))
    return socket
  }
  const slow = open('http/1.1', 'GET /livez HTTP/1.1', 'Host: a', '')
  const drip = setInterval(() => slow.write('X-A: b\r\n'), 20)
  const silent = [open('http/1.1'), open('h2'), open('h2', PREFACE.toString('latin1'))]
  const sockets = [slow, ...silent, connectTcp(strict, '127.0.0.1')]
  for (const socket of sockets) socket.on('error', () => undefined)
  const ended = sockets.map((socket) => closeOf(socket.resume()))
  await answersOthers()
  await Promise.all(ended)
  clearInterval(drip)
})

test('a connection with a request under way, such as a watch, may be silent for as long as it likes', async () => {
  const session = connectHttp2(`https://127.0.0.1:${await listenWith({ idleMs: 300 })}`, tls)
  const watch = session.request({ ':path': '/api/v1/namespaces/default/configmaps?watch=true' })
  const [headers] = (await once(watch, 'response')) as [{ readonly ':status'?: number }]
  assert.equal(headers[':status'], 200)
  for (let turn = 0; turn < 3; turn++) {
    await systemClock.sleep(300)
    assert.equal(watch.closed, false)
  }
  const ended = once(session, 'close')
  watch.close()
  await ended
})

const FRAME = { data: 0, headers: 1, priority: 2, reset: 3, settings: 4, ping: 6, goaway: 7, window: 8, continuation: 9 } as const

function frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(FRAME.settings, 0, 0)])
/** GET https /livez, from HPACK's static table, the path as a literal. */
const REQUEST = Buffer.concat([
  Buffer.from([0x82, 0x87, 0x04, 6]),
  Buffer.from('/livez'),
  Buffer.from([0x41, 1]),
  Buffer.from('a'),
])
const END_STREAM = 1
const END_HEADERS = 4

/** What an attacker sends again and again, until it is cut off; it may get no further than so many bytes. */
const FLOODS: Readonly<Record<string, readonly [make: (turn: number) => Buffer, bytesMax: number]>> = {
  'requests that are taken back at once (rapid reset, CVE-2023-44487)': [
    (turn) =>
      Buffer.concat([
        frame(FRAME.headers, END_STREAM | END_HEADERS, turn * 2 + 1, REQUEST),
        frame(FRAME.reset, 0, turn * 2 + 1, Buffer.from([0, 0, 0, 8])),
      ]),
    8 * 1024 * 1024,
  ],
  'heads that never end (CONTINUATION flood, CVE-2024-27316)': [
    (turn) =>
      turn === 0
        ? frame(FRAME.headers, END_STREAM, 1, REQUEST)
        : frame(
            FRAME.continuation,
            0,
            1,
            Buffer.concat([Buffer.from([0x00, 1]), Buffer.from('x'), Buffer.from([1]), Buffer.from('y')]),
          ),
    8 * 1024 * 1024,
  ],
  'settings that nobody waits for the acknowledgement of (CVE-2019-9515)': [() => frame(FRAME.settings, 0, 0), 16 * 1024 * 1024],
  'pings that nobody reads the answers of (CVE-2019-9512)': [() => frame(FRAME.ping, 0, 0, Buffer.alloc(8)), 16 * 1024 * 1024],
  'empty frames of data (CVE-2019-9518)': [
    (turn) => (turn === 0 ? frame(FRAME.headers, END_HEADERS, 1, REQUEST) : frame(FRAME.data, 0, 1)),
    64 * 1024 * 1024,
  ],
  'frames on streams that are none': [(turn) => frame(FRAME.data, 0, turn * 2 + 1, Buffer.alloc(16)), 8 * 1024 * 1024],
  'frames of no known shape': [() => frame(FRAME.window, 0, 0, Buffer.alloc(4)), 8 * 1024 * 1024],
}

/** Sends until it is cut off or has sent `bytesMax`; reads nothing. Resolves with whether it was cut off. */
async function flood(make: (turn: number) => Buffer, bytesMax: number): Promise<boolean> {
  const socket = await socketFor('h2')
  socket.pause()
  const closed = closeOf(socket)
  socket.write(PREFACE)
  for (let [turn, sent] = [0, 0]; sent < bytesMax && !socket.destroyed && socket.writable; ) {
    const batch = Buffer.concat(Array.from({ length: 512 }, () => make(turn++)))
    sent += batch.length
    if (!socket.write(batch))
      await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed, systemClock.sleep(1_000)])
    else await new Promise(setImmediate)
  }
  socket.resume()
  const cut = await Promise.race([closed.then(() => true), systemClock.sleep(2_000).then(() => false)])
  socket.destroy()
  return cut
}

test('a flood of HTTP/2 frames ends with its connection, costs bounded memory, and holds up nobody', async (context) => {
  for (const [name, [make, bytesMax]] of Object.entries(FLOODS))
    await context.test(name, async () => {
      const before = process.memoryUsage().rss
      const flooding = flood(make, bytesMax)
      await answersOthers()
      assert.equal(await flooding, true, 'it was cut off')
      await answersOthers()
      assert.ok(process.memoryUsage().rss - before < 200 * 1024 * 1024)
    })
})

test('an anonymous connection over HTTP/2 ends with its first answer, one of a known user goes on', async () => {
  const ask = async (options: object): Promise<boolean> => {
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: tls.ca, ...options })
    session.on('error', () => undefined)
    const told = once(session, 'goaway').then(([code]) => code === constants.NGHTTP2_NO_ERROR)
    const stream = session.request({ ':path': '/livez' })
    stream.resume()
    await once(stream, 'close')
    const ping = new Promise<boolean>((resolve) => session.ping(() => resolve(false)))
    const ended = await Promise.race([told, ping])
    session.destroy()
    return ended
  }
  assert.equal(await ask({}), true)
  assert.equal(await ask(tls), false)
})
