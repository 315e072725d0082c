import { isUtf8 } from 'node:buffer'
import { headerValues, type TransportRequest, type UserInfo } from '#client'
import type { TokenUnion } from './token-union.ts'
import type { AuthenticationNotes, Authenticator } from './types.ts'

/** How a browser, which can set no header of a WebSocket, sends a token among the protocols that it speaks. */
const TOKEN_PROTOCOL = 'base64url.bearer.authorization.k8s.io.'

/** Bearer tokens in the Authorization header (RFC 6750), or among the subprotocols of a WebSocket. */
export function bearerTokens(tokens: TokenUnion): Authenticator {
  return {
    name: 'bearer-token',
    authenticate(request, _peer, notes) {
      const token = bearerToken(request) ?? webSocketToken(request)
      return token === undefined ? undefined : userOf(tokens, token, notes)
    },
  }
}

async function userOf(tokens: TokenUnion, token: string, notes: AuthenticationNotes | undefined): Promise<UserInfo> {
  const found = await tokens.authenticateToken(token, undefined, notes)
  if (found === undefined) throw new Error('invalid bearer token')
  return found.user
}

/** Other schemes are nobody's here: such a request has no credentials. */
export function bearerToken({ headers }: TransportRequest): string | undefined {
  const header = headers?.['authorization']
  if (header === undefined) return undefined
  const [scheme = '', token = ''] = header.trim().split(' ', 3)
  return scheme.toLowerCase() === 'bearer' && token !== '' ? token : undefined
}

/** The subprotocols that a client offers, for those who come after. */
export const withoutTokenProtocol = (offered: string): string =>
  protocolsIn([offered])
    .filter((protocol) => !protocol.startsWith(TOKEN_PROTOCOL))
    .join(', ')

function webSocketToken(request: TransportRequest): string | undefined {
  if (request.headers?.['upgrade']?.toLowerCase() !== 'websocket') return undefined
  const offered = protocolsIn(headerValues(request, 'sec-websocket-protocol'))
  const [encoded, another] = offered.filter((protocol) => protocol.startsWith(TOKEN_PROTOCOL))
  if (encoded === undefined) return undefined
  if (another !== undefined) throw new Error('multiple base64.bearer.authorization tokens specified')
  const text = encoded.slice(TOKEN_PROTOCOL.length)
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.toString('base64url') !== text) throw new Error('invalid base64.bearer.authorization token encoding')
  if (!isUtf8(bytes)) throw new Error('invalid base64.bearer.authorization token')
  if (bytes.length > 0 && offered.length < 2) throw new Error('missing additional subprotocol')
  return bytes.length === 0 ? undefined : bytes.toString()
}

const protocolsIn = (values: readonly string[]): string[] =>
  values.flatMap((value) => value.split(',')).map((protocol) => protocol.trim())
