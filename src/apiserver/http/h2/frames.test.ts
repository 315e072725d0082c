import assert from 'node:assert/strict'
import test from 'node:test'
import { seededRandom } from '#base'
import { ConnectionError } from './errors.ts'
import { contentOf, FLAGS, type Frame, FrameReader, HEAD_BYTES, PREFACE, TYPES, writeHead } from './frames.ts'
import { readSettings, SETTINGS, settingsFrame } from './settings.ts'

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES + payload.length)
  payload.copy(bytes, writeHead(bytes, 0, payload.length, type, flags, stream))
  return bytes
}

test('frames are the same, however their bytes come', () => {
  const random = seededRandom(3)
  const sent: Frame[] = Array.from({ length: 200 }, (_, at) => ({
    type: at % 11,
    flags: (at * 7) % 256,
    stream: at * 10_000_019,
    payload: Buffer.alloc(at % 9 === 0 ? 16_384 : at, at),
  }))
  const bytes = Buffer.concat([PREFACE, ...sent.map(({ type, flags, stream, payload }) => frame(type, flags, stream, payload))])
  for (const most of [1, 100, 20_000, bytes.length]) {
    const [reader, seen]: [FrameReader, Frame[]] = [new FrameReader(), []]
    const take = (each: Frame): boolean => {
      seen.push({ ...each, payload: Buffer.from(each.payload) })
      return random.float() < 0.9
    }
    for (let at = 0; at < bytes.length; ) {
      const length = Math.min(bytes.length - at, most === 1 && at > 300 ? 5_000 : Math.ceil(random.float() * most))
      reader.read(Buffer.from(bytes.subarray(at, at + length)), take)
      at += length
    }
    // Whoever did not want to go on reads the rest later.
    while (reader.hasRest) reader.read(undefined, take)
    assert.deepEqual(seen, sent)
  }
})

test('what is no HTTP/2, and a frame that is too long, ends the connection', () => {
  for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n'), Buffer.from('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n')])
    assert.throws(() => new FrameReader().read(bytes, () => assert.fail()), ConnectionError)
  const long = Buffer.concat([PREFACE, frame(0, 0, 1, Buffer.alloc(16_385))])
  assert.throws(() => new FrameReader().read(long, () => assert.fail()), { code: 6 })
})

test('padding and priority are no content', () => {
  const content = (type: number, flags: number, hex: string): string =>
    contentOf({ type, flags, stream: 1, payload: Buffer.from(hex, 'hex') }).toString('hex')
  assert.equal(content(TYPES.data, 0, 'abcd'), 'abcd')
  assert.equal(content(TYPES.data, FLAGS.padded, '01abcd00'), 'abcd')
  assert.equal(content(TYPES.headers, FLAGS.padded | FLAGS.priority, '0100000000ffab00'), 'ab')
  assert.equal(content(TYPES.data, FLAGS.priority, '0000000000'), '0000000000')
  for (const [flags, hex] of [
    [FLAGS.padded, ''],
    [FLAGS.padded, '02ab'],
    [FLAGS.priority, '00000000'],
    [FLAGS.padded | FLAGS.priority, '010000000000'],
  ] as const)
    assert.throws(() => content(TYPES.headers, flags, hex), ConnectionError)
})

test('settings are read as they are written, and what they can not be is refused', () => {
  const read = (bytes: Buffer): number[][] => {
    const seen: number[][] = []
    readSettings(bytes.subarray(HEAD_BYTES), (identifier, value) => seen.push([identifier, value]))
    return seen
  }
  const pairs = [
    [SETTINGS.enablePush, 1],
    [SETTINGS.initialWindowSize, 2 ** 31 - 1],
    [SETTINGS.maxFrameSize, 16_384],
    [0xbeef, 2 ** 32 - 1],
  ] as const
  assert.deepEqual(read(settingsFrame(pairs)), pairs)
  for (const [identifier, value, code] of [
    [SETTINGS.enablePush, 2, 1],
    [SETTINGS.initialWindowSize, 2 ** 31, 3],
    [SETTINGS.maxFrameSize, 16_383, 1],
    [SETTINGS.maxFrameSize, 2 ** 24, 1],
  ] as const)
    assert.throws(() => read(settingsFrame([[identifier, value]])), { code })
  assert.throws(() => read(Buffer.alloc(HEAD_BYTES + 7)), { code: 6 })
})
