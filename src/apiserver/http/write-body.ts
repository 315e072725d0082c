import type { Writable } from 'node:stream'
import type { Answer } from '#base'
import type { BodyParts, TransportResponse } from '#client'
import { statusOf } from '#meta'
import { joined } from '../presentation/body.ts'
import { replyStatus } from '../response.ts'
import type { Sink } from './sink.ts'
import { together } from './together.ts'
import { writeWatch } from './write-watch.ts'

/** Smaller answers are not worth compressing (upstream's threshold and level). */
const GZIP_BYTES_MIN = 128 * 1024
const GZIP_LEVEL = 1

/** Small parts are written together up to this size: a TLS record and a system call each would cost more than the copy. */
const BATCH_BYTES = 64 * 1024

interface Headed {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly method?: string | undefined
}

/** Writes a response, waiting where the client is slower than we are; a small one is on its way when this returns. */
export function writeBody(request: Headed, sink: Sink, { status, headers, body }: TransportResponse): Answer<void> {
  if (request.method === 'HEAD' || body.kind === 'none') {
    sink.head(status, headers)
    sink.stream.end()
    return
  }
  if (body.kind === 'watch' || body.kind === 'stream') {
    sink.head(status, headers)
    sink.flush()
    return body.kind === 'watch' ? writeWatch(sink.stream, body.frames) : writeStream(sink.stream, body.stream)
  }
  let parts: BodyParts
  try {
    parts = body.kind === 'bytes' ? joined([body.bytes]) : (body.parts?.() ?? joined([body.bytes()]))
  } catch (error) {
    return writeBody(request, sink, replyStatus(statusOf(error)))
  }
  const length = parts.byteLength
  if (length >= GZIP_BYTES_MIN && acceptsGzip(request)) {
    const vary = headers['vary'] === undefined ? 'Accept-Encoding' : `${headers['vary']}, Accept-Encoding`
    sink.head(status, { ...headers, 'content-encoding': 'gzip', vary })
    return writeCompressed(sink.stream, parts)
  }
  sink.head(status, headers, length)
  if (length > BATCH_BYTES) return writeBatches(sink.stream, parts)
  sink.stream.end(together(parts))
}

async function writeCompressed(stream: Writable, parts: BodyParts): Promise<void> {
  const [{ createGzip }, { Readable }, { pipeline }] = await Promise.all([
    import('node:zlib'),
    import('node:stream'),
    import('node:stream/promises'),
  ])
  await pipeline(Readable.from(batches(parts)), createGzip({ level: GZIP_LEVEL }), stream)
}

/** Buffers for batches that nobody is writing from. */
const spare: Buffer[] = []
const SPARE_MAX = 16

/** Writes many parts through one buffer, that is filled again when it was taken. */
async function writeBatches(stream: Writable, parts: BodyParts): Promise<void> {
  const batch = spare.pop() ?? Buffer.allocUnsafeSlow(BATCH_BYTES)
  let filled = 0
  const write = async (bytes: Uint8Array): Promise<boolean> => {
    await taken(stream, bytes)
    return !stream.destroyed
  }
  for (const part of parts) {
    for (let at = 0; at < part.length; ) {
      const length = Math.min(part.length - at, BATCH_BYTES - filled)
      batch.set(length === part.length ? part : part.subarray(at, at + length), filled)
      filled += length
      at += length
      if (filled < BATCH_BYTES) continue
      // The buffer of a client that went away may still be read from; it is not used again.
      if (!(await write(batch))) return
      filled = 0
    }
  }
  if (filled > 0 && !(await write(batch.subarray(0, filled)))) return
  if (spare.length < SPARE_MAX) spare.push(batch)
  stream.end()
}

/** Resolves when the client took the bytes, or is gone. */
function taken(stream: Writable, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('close', done)
      resolve()
    }
    stream.on('close', done)
    stream.write(bytes, done)
  })
}

/** Whether `gzip` is named, and by itself: a quality makes it another word, as upstream reads the header. */
const acceptsGzip = ({ headers }: Headed): boolean =>
  String(headers['accept-encoding'] ?? '')
    .split(',')
    .some((token) => token.trim() === 'gzip')

/** The parts in pieces of about one size. */
function* batches(parts: BodyParts): Iterable<Uint8Array> {
  let batch: Uint8Array[] = []
  let length = 0
  for (const part of parts) {
    if (length > 0 && length + part.length > BATCH_BYTES) {
      yield batch.length === 1 ? batch[0]! : Buffer.concat(batch, length)
      batch = []
      length = 0
    }
    if (part.length > BATCH_BYTES) {
      for (let at = 0; at < part.length; at += BATCH_BYTES) yield part.subarray(at, at + BATCH_BYTES)
    } else {
      batch.push(part)
      length += part.length
    }
  }
  if (length > 0) yield Buffer.concat(batch, length)
}

/** Writes what a source yields, only as fast as the client takes it, until one of the two is gone. */
async function writeStream(stream: Writable, source: AsyncIterable<Uint8Array>): Promise<void> {
  const iterator = source[Symbol.asyncIterator]()
  const pump = async (): Promise<void> => {
    for (;;) {
      const next = await iterator.next()
      if (next.done || stream.destroyed) return
      if (!stream.write(next.value)) await drained(stream)
    }
  }
  // One race for all of it: each race leaves something behind at the promise that does not win.
  const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()))
  try {
    await Promise.race([pump(), closed])
  } finally {
    // Not awaited: a generator that waits for its next event returns only after the abort that the close causes.
    void iterator.return?.()
    stream.end()
  }
}

/** Resolves when the client takes more, or nothing any more. */
function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done)
      stream.off('close', done)
      resolve()
    }
    stream.on('drain', done)
    stream.on('close', done)
  })
}
