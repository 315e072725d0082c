import type { Clock } from '#base'
import { certificateUser, headerValues, type Peer, type TransportRequest, type UserInfo } from '#client'
import type { AuthenticationMetrics } from './metrics.ts'
import type { Authenticator } from './types.ts'

/** Users by their connection, so that each request of one is by the same. */
const certified = new WeakMap<Peer, UserInfo>()

export const clientCertificates = (clock: Clock, metrics: AuthenticationMetrics): Authenticator => ({
  name: 'x509',
  authenticate(_request, peer) {
    if (peer.kind !== 'tls') return undefined
    const { certificate, refused } = peer
    if (certificate === undefined) {
      if (refused !== undefined) throw new Error(`verifying the client certificate failed: ${refused}`)
      // Good for a front proxy alone, which says on whose behalf it comes.
      if (peer.frontProxy !== undefined) throw new Error('x509: certificate signed by unknown authority')
      return undefined
    }
    if (certificate.expiresAtMs !== undefined) metrics.presented(certificate.expiresAtMs - clock.now())
    const user = certified.get(peer) ?? certificateUser(certificate)
    if (user !== undefined) certified.set(peer, user)
    return user
  },
})

/** Who may vouch for others, and in which headers (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#authenticating-proxy). */
export interface RequestHeaderOptions {
  /** Common names that the proxy's certificate may have; any, when there are none. */
  readonly allowedNames: readonly string[]
  readonly usernameHeaders: readonly string[]
  readonly uidHeaders: readonly string[]
  readonly groupHeaders: readonly string[]
  readonly extraHeaderPrefixes: readonly string[]
}

export const REQUEST_HEADERS: RequestHeaderOptions = {
  allowedNames: ['front-proxy-client'],
  usernameHeaders: ['X-Remote-User'],
  uidHeaders: ['X-Remote-Uid'],
  groupHeaders: ['X-Remote-Group'],
  extraHeaderPrefixes: ['X-Remote-Extra-'],
}

/** What is said, and {@link REQUEST_HEADERS} for what is not. */
export function requestHeadersOf(said: Partial<RequestHeaderOptions> = {}): RequestHeaderOptions {
  const entries = Object.entries(said).filter(([, value]) => value !== undefined)
  return { ...REQUEST_HEADERS, ...Object.fromEntries(entries) }
}

/** The front proxy, which its certificate proves it to be, vouches for the user it names in headers. Nobody else's such headers are read. */
export function frontProxy(options: RequestHeaderOptions): Authenticator {
  const lower = (names: readonly string[]): string[] => names.map((name) => name.toLowerCase())
  const [usernames, uids, groups] = [options.usernameHeaders, options.uidHeaders, options.groupHeaders].map(lower)
  const prefixes = lower(options.extraHeaderPrefixes)
  const firstOf = (request: TransportRequest, names: readonly string[]): string | undefined =>
    names.map((name) => headerValues(request, name)[0]).find((value) => value)
  return {
    name: 'request-header',
    authenticate(request, peer) {
      if (peer.kind !== 'tls' || peer.frontProxy === undefined) return undefined
      if (options.allowedNames.length > 0 && !options.allowedNames.includes(peer.frontProxy))
        throw new Error(`x509: subject with cn=${peer.frontProxy} is not in the allowed list`)
      const username = firstOf(request, usernames!)
      if (username === undefined) return undefined
      const uid = firstOf(request, uids!)
      return {
        username,
        ...(uid !== undefined && { uid }),
        groups: groups!.flatMap((name) => headerValues(request, name)).filter((group) => group !== ''),
        extra: extraOf(request, prefixes),
      }
    },
  }
}

/** What headers with one of these prefixes say: the rest of the name is the key, percent-encoded. Each key's values in order. */
export function extraOf(request: TransportRequest, prefixes: readonly string[]): Record<string, readonly string[]> {
  const extra = new Map<string, string[]>()
  for (const prefix of prefixes)
    for (const name in request.headers) {
      if (!name.startsWith(prefix)) continue
      const key = decoded(name.slice(prefix.length))
      extra.set(key, [...(extra.get(key) ?? []), ...headerValues(request, name)])
    }
  return Object.fromEntries(extra)
}

/** A key that is not encoded well is taken as it is, so that nothing is lost. Its bytes need be no text. */
function decoded(key: string): string {
  if (!key.includes('%') || BAD_ESCAPE.test(key)) return key
  const bytes = key.replace(/%(..)/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}

const BAD_ESCAPE = /%(?![0-9a-f]{2})/i
