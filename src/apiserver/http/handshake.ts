import type { IncomingHttpHeaders } from 'node:http'
import { isGoRequestUri } from './go-request-uri.ts'

/**
 * What a WebSocket that is not to be is answered, in bytes; undefined where nothing is wrong. As upstream's library, which wants to be told where the client's page is
 * from, and leaves nothing to choose among subprotocols.
 */
export function handshakeRefusal(headers: IncomingHttpHeaders): string | undefined {
  if (!headers['sec-websocket-key']) return answer('400 Bad Request', [], 'mismatch challenge/response')
  if (headers['sec-websocket-version'] !== '13')
    return answer('400 Bad Request', ['Sec-WebSocket-Version: 13'], 'missing or bad WebSocket Version')
  if (!isGoRequestUri(headers.origin ?? '')) return answer('403 Forbidden')
  return headers['sec-websocket-protocol']?.includes(',') ? answer('400 Bad Request') : undefined
}

const answer = (status: string, headers: readonly string[] = [], body = ''): string =>
  [`HTTP/1.1 ${status}`, ...headers, '', body].join('\r\n')
