import type { Clock } from '#base'
import { callHttps } from '../../https-call.ts'

/** Whoever is asked for a document answers in so much time, with so many bytes. */
const FETCH_TIMEOUT_MS = 30_000
const DOCUMENT_BYTES_MAX = 1024 * 1024

export interface FetchOptions {
  /** PEM; the authorities of the machine when absent. */
  readonly certificateAuthority: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** What is at an https URL, of whatever type it says it is. Follows no redirect: rejects for anything but 200, and for what is too long or takes too long. */
export async function fetchDocument(url: string, options: FetchOptions): Promise<string> {
  const { certificateAuthority, headers, clock, signal } = options
  const { protocol, hostname, port, pathname, search } = new URL(url)
  if (protocol !== 'https:') throw new Error(`Get ${JSON.stringify(url)}: only https is asked`)
  const expired = new AbortController()
  using _timer = clock.after(FETCH_TIMEOUT_MS, () => expired.abort(new Error('context deadline exceeded')))
  const { status, body } = await callHttps(
    {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? 443 : Number(port),
      path: pathname + search,
      ...(certificateAuthority && { ca: certificateAuthority }),
      headers,
      agent: false,
    },
    undefined,
    { answerBytesMax: DOCUMENT_BYTES_MAX, signal: AbortSignal.any([signal, expired.signal]) },
  ).catch((error: Error) => {
    throw new Error(`Get ${JSON.stringify(url)}: ${expired.signal.aborted ? 'context deadline exceeded' : error.message}`, {
      cause: error,
    })
  })
  if (status !== 200) throw new Error(`Get ${JSON.stringify(url)}: status ${status}`)
  return body
}
