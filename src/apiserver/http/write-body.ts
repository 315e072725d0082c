import type { Answer } from '#base'
import type { BodyParts, TransportResponse } from '#client'
import { statusOf } from '#meta'
import { joined } from '../presentation/body.ts'
import { replyStatus } from '../response.ts'
import { BATCH_BYTES } from './batches.ts'
import type { Outgoing, ResponseHeaders, Sink } from './sink.ts'
import { writeWatch } from './write-watch.ts'

/** Smaller answers are not worth compressing (upstream's threshold and level). */
const GZIP_BYTES_MIN = 128 * 1024
const GZIP_LEVEL = 1

/** What is no larger is written in one piece of its own. */
const WHOLE_BYTES_MAX = 64 * 1024

interface Headed {
  readonly headers: Readonly<Record<string, string>>
  readonly method?: string | undefined
}

/** Writes a response, waiting where the client is slower than we are; a small one is on its way when this returns. */
export function writeBody(
  request: Headed,
  sink: Sink,
  { status, headers, cookies, sizes, body }: TransportResponse,
): Answer<void> {
  const head: ResponseHeaders = cookies === undefined ? headers : { ...headers, 'set-cookie': cookies }
  if (request.method === 'HEAD' || body.kind === 'none') {
    sink.head(status, head)
    sink.stream.end()
    return
  }
  if (body.kind === 'watch' || body.kind === 'stream') {
    sink.head(status, head)
    if (body.kind === 'watch') return writeWatch(sink, body.frames)
    sink.flush()
    return writeStream(sink.stream, body.stream)
  }
  let parts: BodyParts
  try {
    parts = body.kind === 'bytes' ? joined([body.bytes]) : (body.parts?.() ?? joined([body.bytes()]))
  } catch (error) {
    return writeBody(request, sink, replyStatus(statusOf(error)))
  }
  const length = parts.byteLength
  if (length >= GZIP_BYTES_MIN && acceptsGzip(request)) {
    const { vary: own } = headers
    const vary = own === undefined || own.includes('Accept-Encoding') ? (own ?? 'Accept-Encoding') : `${own}, Accept-Encoding`
    sink.head(status, { ...headers, 'content-encoding': 'gzip', vary })
    return writeCompressed(sink.stream, parts, sizes)
  }
  sizes?.observe(length)
  sink.head(status, headers, length)
  if (length > WHOLE_BYTES_MAX) return sink.pour((parts.reader ?? (() => readerOf(parts)))(), length)
  sink.endWith(parts)
}

async function writeCompressed(stream: Outgoing, parts: BodyParts, sizes: TransportResponse['sizes']): Promise<void> {
  const [{ createGzip }, { pipeline, Readable }] = await Promise.all([import('node:zlib'), import('node:stream')])
  const gzip = createGzip({ level: GZIP_LEVEL })
  // What goes wrong is told to whoever reads.
  pipeline(Readable.from(batches(parts)), gzip, () => undefined)
  await writeStream(stream, sizes === undefined ? gzip : counted(gzip, sizes))
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  sizes: NonNullable<TransportResponse['sizes']>,
): AsyncGenerator<Uint8Array, void> {
  let bytes = 0
  try {
    for await (const piece of source) {
      bytes += piece.length
      yield piece
    }
  } finally {
    sizes.observe(bytes)
  }
}

/** The parts one after the other, each in as many calls as it needs. */
export function readerOf(parts: Iterable<Uint8Array>): (target: Buffer) => number {
  const iterator = parts[Symbol.iterator]()
  let rest: Uint8Array | undefined
  return (target) => {
    let at = 0
    while (at < target.length) {
      rest ??= iterator.next().value
      if (rest === undefined) break
      const length = Math.min(rest.length, target.length - at)
      target.set(length === rest.length ? rest : rest.subarray(0, length), at)
      at += length
      rest = length === rest.length ? undefined : rest.subarray(length)
    }
    return at
  }
}

/** Whether `gzip` is named, and by itself: a quality makes it another word, as upstream reads the header. */
const acceptsGzip = ({ headers }: Headed): boolean =>
  (headers['accept-encoding'] ?? '').split(',').some((token) => token.trim() === 'gzip')

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
async function writeStream(stream: Outgoing, source: AsyncIterable<Uint8Array>): Promise<void> {
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
  }
  // What breaks off is not ended: its client would take it for all there is.
  stream.end()
}

/** Resolves when the client takes more, or nothing any more. */
function drained(stream: Outgoing): Promise<void> {
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
