import { isUtf8 } from 'node:buffer'
import { headerValues, type TransportRequest, type UserInfo } from '#client'
import type { TokenUnion } from './token-union.ts'
import type { AuthenticationNotes, Authenticator } from './types.ts'

/** How a browser, which can set no header of a WebSocket, sends a token among the protocols that it speaks. */
const TOKEN_PROTOCOL = 'base64url.bearer.authorization.k8s.io.'

/** Bearer tokens in the Authorization header (RFC 6750). */
export const bearerTokens = (tokens: TokenUnion): Authenticator => ({
  name: 'bearer-token',
  authenticate(request, _peer, notes) {
    const token = bearerToken(request, notes)
    return token === undefined ? undefined : userOf(tokens, token, notes)
  },
})

/** Bearer tokens among the subprotocols of a WebSocket; asked when the header, which may be another's, tells nobody. */
export const webSocketTokens = (tokens: TokenUnion): Authenticator => ({
  name: 'websocket-token',
  authenticate(request, _peer, notes) {
    const token = webSocketToken(request)
    return token === undefined ? undefined : userOf(tokens, token, notes)
  },
})

async function userOf(tokens: TokenUnion, token: string, notes: AuthenticationNotes | undefined): Promise<UserInfo> {
  const found = await tokens.authenticateToken(token, undefined, notes)
  if (found === undefined) throw new Error('invalid bearer token')
  return found.user
}

/** Other schemes are nobody's here: such a request has no credentials. */
export function bearerToken({ headers }: TransportRequest, notes?: AuthenticationNotes): string | undefined {
  const header = headers?.['authorization']
  if (header === undefined) return undefined
  const [scheme = '', token = '', rest] = header.trim().split(' ', 3)
  if (scheme.toLowerCase() !== 'bearer') return undefined
  if (token !== '') return token
  if (rest !== undefined)
    notes?.warn('the provided Authorization header contains extra space before the bearer token, and is ignored')
  return undefined
}

/** The subprotocols that a client offers, for those who come after. */
export const withoutTokenProtocol = (offered: string): string =>
  protocolsIn([offered])
    .filter((protocol) => !protocol.startsWith(TOKEN_PROTOCOL))
    .join(', ')

/** Throws for what can be no token; the first thing that is wrong is told. */
function webSocketToken(request: TransportRequest): string | undefined {
  if (!wantsWebSocket(request)) return undefined
  const offered = protocolsIn(headerValues(request, 'sec-websocket-protocol'))
  const [encoded, another] = offered.filter((protocol) => protocol.startsWith(TOKEN_PROTOCOL))
  if (encoded === undefined) return undefined
  const token = decoded(encoded.slice(TOKEN_PROTOCOL.length))
  if (another !== undefined) throw new Error('multiple base64.bearer.authorization tokens specified')
  if (token === '') return undefined
  if (offered.length < 2) throw new Error('missing additional subprotocol')
  return token
}

const wantsWebSocket = ({ headers = {} }: TransportRequest): boolean =>
  headers['upgrade']?.toLowerCase() === 'websocket' && headers['connection']?.toLowerCase().includes('upgrade') === true

function decoded(text: string): string {
  // Bits that are left over may be anything.
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) throw new Error('invalid base64.bearer.authorization token encoding')
  const bytes = Buffer.from(text, 'base64url')
  if (!isUtf8(bytes)) throw new Error('invalid base64.bearer.authorization token')
  return bytes.toString()
}

const protocolsIn = (values: readonly string[]): string[] =>
  values.flatMap((value) => value.split(',')).map((protocol) => protocol.trim())
