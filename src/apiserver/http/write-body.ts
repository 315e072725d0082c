import type { ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import type { TransportResponse } from '#client'
import { writeWatch } from './write-watch.ts'

/** Smaller answers are not worth compressing (upstream's threshold). */
const GZIP_BYTES_MIN = 128 * 1024

interface Headed {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly method?: string | undefined
}

/** Writes a response to an HTTP/1.1 or HTTP/2 stream, waiting where the client is slower than we are. */
export async function writeBody(
  request: Headed,
  response: ServerResponse,
  { status, headers, body }: TransportResponse,
): Promise<void> {
  const sent: Record<string, string> = { ...headers }
  if (request.method === 'HEAD') {
    response.writeHead(status, sent)
    response.end()
    return
  }
  switch (body.kind) {
    case 'none':
      response.writeHead(status, sent)
      response.end()
      return
    case 'bytes':
    case 'object':
      await writeWhole(request, response, status, sent, body.kind === 'bytes' ? body.bytes : body.bytes())
      return
    case 'watch':
      response.writeHead(status, sent)
      response.flushHeaders?.()
      await writeWatch(response, body.frames)
      return
    case 'stream':
      response.writeHead(status, sent)
      response.flushHeaders?.()
      await writeStream(response, body.stream)
  }
}

async function writeWhole(
  request: Headed,
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  bytes: Uint8Array,
): Promise<void> {
  let body = bytes
  if (bytes.length >= GZIP_BYTES_MIN && String(request.headers['accept-encoding'] ?? '').includes('gzip')) {
    const { gzip } = await import('node:zlib')
    body = await promisify(gzip)(bytes, { level: 1 })
    headers['content-encoding'] = 'gzip'
    headers['vary'] = 'Accept-Encoding'
  }
  headers['content-length'] = String(body.length)
  response.writeHead(status, headers)
  response.end(body)
}

async function writeStream(response: ServerResponse, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const closed = new Promise<'closed'>((resolve) => response.once('close', () => resolve('closed')))
  const iterator = chunks[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), closed])
      if (next === 'closed' || next.done) break
      if (!response.write(next.value)) await Promise.race([new Promise((resolve) => response.once('drain', resolve)), closed])
    }
  } finally {
    // Not awaited: a generator that waits for its next event returns only after the abort that the close causes.
    void iterator.return?.()
    response.end()
  }
}
