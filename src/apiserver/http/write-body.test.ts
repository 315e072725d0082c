import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import test from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { ResponseBody, TransportResponse } from '#client'
import { joined } from '../presentation/body.ts'
import { pourInto, type Sink } from './sink.ts'
import { together } from './together.ts'
import { writeBody } from './write-body.ts'

/** A client that reads at its own pace and keeps what it was sent. */
class Client extends Writable {
  status = 0
  headers: Record<string, string> = {}
  readonly chunks: Buffer[] = []

  constructor() {
    super({ highWaterMark: 1 })
  }

  get sink(): Sink {
    return {
      head: (status, headers, length) =>
        void Object.assign(this, {
          status,
          headers: { ...headers, ...(length !== undefined && { 'content-length': String(length) }) },
        }),
      flush() {},
      beginFrames() {},
      frameBytes: (frame) => frame.bytes(),
      endFrames: () => this.end(),
      endWith: (whole) => this.end(together(whole)),
      pour: (read, length) => pourInto(this, read, length),
      stream: this,
    }
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    // The writer may fill its buffer again once it was taken.
    this.chunks.push(Buffer.from(chunk))
    setImmediate(done)
  }

  get body(): Buffer {
    return Buffer.concat(this.chunks)
  }
}

async function written(
  body: ResponseBody,
  headers: Record<string, string> = {},
  method = 'GET',
  sizes: TransportResponse['sizes'] = undefined,
): Promise<Client> {
  const client = new Client()
  const finished = new Promise((resolve) => client.on('close', resolve))
  const answer = { status: 200, headers: { 'content-type': 'application/json' }, body, ...(sizes && { sizes }) }
  await writeBody({ headers, method }, client.sink, answer)
  await finished
  return client
}

const parts = Array.from({ length: 12_000 }, (_, index) => Buffer.from(`${index}`.padEnd(100)))
const whole = Buffer.concat(parts)
const list: ResponseBody = {
  kind: 'object',
  object: {},
  parts: () => joined(parts),
  bytes: () => assert.fail('a list is not joined'),
}

test('a long list is written in pieces of a size, never joined', async () => {
  const { headers, body, chunks } = await written(list)
  assert.deepEqual(body, whole)
  assert.equal(headers['content-length'], String(whole.length))
  assert.ok(chunks.length >= 4 && chunks.every(({ length }) => length <= 256 * 1024), `${chunks.length} pieces`)
})

test('answers from 128 KiB on are compressed for who takes gzip by name', async () => {
  const { headers, body } = await written(list, { 'accept-encoding': 'deflate, gzip' })
  assert.deepEqual(
    [headers['content-encoding'], headers['vary'], headers['content-length']],
    ['gzip', 'Accept-Encoding', undefined],
  )
  assert.deepEqual(gunzipSync(body), whole)
  for (const accepted of ['gzip;q=1', 'br', '']) {
    assert.equal((await written(list, { 'accept-encoding': accepted })).headers['content-encoding'], undefined, accepted)
  }
  const small: ResponseBody = { kind: 'bytes', bytes: Buffer.alloc(128 * 1024 - 1) }
  assert.equal((await written(small, { 'accept-encoding': 'gzip' })).headers['content-encoding'], undefined)
})

test('who wants to know the size of an answer is told what went out, compressed or not', async () => {
  const seen: number[] = []
  const sizes = { observe: (bytes: number) => void seen.push(bytes) }
  const small: ResponseBody = { kind: 'bytes', bytes: Buffer.from('small') }
  await written(small, {}, 'GET', sizes)
  await written(list, {}, 'GET', sizes)
  const { body } = await written(list, { 'accept-encoding': 'gzip' }, 'GET', sizes)
  assert.deepEqual(seen, [5, whole.length, body.length])
  assert.ok(body.length < whole.length / 2)
})

test('a watch is never compressed', async () => {
  async function* frames() {
    yield { type: 'ADDED' as const, object: {}, bytes: () => whole }
  }
  const { headers, body } = await written({ kind: 'watch', frames: frames() }, { 'accept-encoding': 'gzip' })
  assert.deepEqual([headers['content-encoding'], body.length], [undefined, whole.length])
})

test('HEAD gets the head only', async () => {
  assert.equal((await written({ kind: 'bytes', bytes: whole }, {}, 'HEAD')).body.length, 0)
})

test('what can not be encoded after all is a Status', async () => {
  const broken: ResponseBody = { kind: 'object', object: {}, bytes: () => assert.fail('no such form') }
  const { status, body } = await written(broken)
  assert.deepEqual([status, JSON.parse(body.toString()).reason], [500, 'InternalError'])
})

test('a client that goes away ends the writing, and the watch behind it', async () => {
  let returned = false
  async function* frames() {
    try {
      for (;;) yield { type: 'ADDED' as const, object: {}, bytes: () => whole }
    } finally {
      returned = true
    }
  }
  const client = new Client()
  setImmediate(() => client.destroy())
  const answer = { status: 200, headers: {}, body: { kind: 'watch', frames: frames() } as const }
  await writeBody({ headers: {}, method: 'GET' }, client.sink, answer)
  await new Promise(setImmediate)
  assert.ok(returned)
})
