import type { Clock } from '#base'
import type { Transport, TransportRequest, TransportResponse } from './transport.ts'

/** client-go's. */
const RETRIES_MAX = 10

/**
 * Asks again when a server says when to come back (429 or 5xx with `Retry-After`), whatever the request is: it was not done. As client-go does, so that a server which is
 * restarted or overloaded for a moment is not noticed.
 */
export function retryTransport(transport: Transport, clock: Clock): Transport {
  return {
    ...transport,
    async request(request) {
      for (let count = 0; ; count++) {
        const response = await transport.request(request)
        const waitMs = retryAfterMs(response)
        if (waitMs === undefined || count === RETRIES_MAX || !canBeSentAgain(request)) return response
        await discard(response)
        await clock.sleep(waitMs, { signal: request.signal })
      }
    },
  }
}

function retryAfterMs({ status, headers }: TransportResponse): number | undefined {
  const seconds = headers['retry-after'] ?? ''
  return (status === 429 || status >= 500) && /^\d{1,9}$/.test(seconds) ? Number(seconds) * 1000 : undefined
}

const canBeSentAgain = ({ body }: TransportRequest): boolean => body?.kind !== 'stream'

/** What nobody reads must not hold its connection. */
async function discard({ body }: TransportResponse): Promise<void> {
  if (body.kind === 'stream') await body.stream[Symbol.asyncIterator]().return?.()
}
