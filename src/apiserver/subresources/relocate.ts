import { posix } from 'node:path'
import { Readable } from 'node:stream'
import type { TransportResponse } from '#client'
import { rewriteLinks } from './html-links.ts'

export interface Place {
  /** What the client put in front of the path that the other end sees: `/api/v1/namespaces/NS/pods/NAME/proxy`. */
  readonly prefix: string
  /** `host:port` of the other end. */
  readonly upstreamHost: string
  /** As the client spells this server. */
  readonly requestHost: string
}

const CORS = ['credentials', 'headers', 'methods', 'origin'].map((name) => `access-control-allow-${name}`)

/** Makes an answer lead back to where it was asked for: redirects, and links in HTML. The other end knows nothing of the prefix. */
export async function relocate(response: TransportResponse, place: Place): Promise<TransportResponse> {
  const rewrite = (link: string): string => relocated(link, place)
  // Who may read this server's answers is not for the other end to say.
  const headers = Object.fromEntries(Object.entries(response.headers).filter(([name]) => !CORS.includes(name)))
  if (headers['location'] !== undefined) return { ...response, headers: { ...headers, location: rewrite(headers['location']) } }
  const isHtml = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() === 'text/html'
  if (!isHtml || response.body.kind !== 'stream') return { ...response, headers }
  const coding = await codingOf(headers['content-encoding'])
  if (coding === undefined) return { ...response, headers }
  const { 'content-length': _, ...rest } = headers
  return {
    ...response,
    headers: rest,
    body: { kind: 'stream', stream: coding(response.body.stream, (html) => rewriteLinks(html, rewrite)) },
  }
}

type Stream = AsyncIterable<Uint8Array>

/** How to work on a body in its encoding; undefined for one that can't be read. */
async function codingOf(
  encoding: string | undefined,
): Promise<((body: Stream, work: (plain: Stream) => Stream) => Stream) | undefined> {
  switch (encoding?.trim().toLowerCase()) {
    case undefined:
    case '':
    case 'identity':
      return (body, work) => work(body)
    case 'gzip': {
      const { createGunzip, createGzip } = await import('node:zlib')
      return (body, work) => Readable.from(work(Readable.from(body).compose(createGunzip()))).compose(createGzip())
    }
    case 'deflate': {
      const { createDeflate, createInflate } = await import('node:zlib')
      return (body, work) => Readable.from(work(Readable.from(body).compose(createInflate()))).compose(createDeflate())
    }
    default:
      return undefined
  }
}

const URL_PARTS = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)([\s\S]*)$/

/** Links to other hosts and relative ones stay; `/a` becomes `PREFIX/a`. */
export function relocated(link: string, { prefix, upstreamHost, requestHost }: Place): string {
  const [, scheme = '', host = '', path = '', rest = ''] = URL_PARTS.exec(link) ?? []
  const isForeign = host !== '' && host !== upstreamHost && host !== requestHost
  if (isForeign || !path.startsWith('/')) return link
  // The other end may have been told where it is served.
  const joined = path.startsWith(prefix) ? path : posix.join(prefix, path)
  const origin = host !== '' && host === requestHost ? `${scheme === '' ? '' : `${scheme}:`}//${host}` : ''
  return `${origin}${joined}${rest}`
}
