import type { Peer, TransportRequest, UserInfo } from '#client'
import { unauthorized } from '#meta'
import type { Authenticator } from './types.ts'

export { BootstrapTokens } from './bootstrap-tokens.ts'
export { type ServiceAccountTokenOptions, ServiceAccountTokens, type TokenRequestClaims } from './service-account-tokens.ts'
export type { Authenticator } from './types.ts'

export const ANONYMOUS: UserInfo = { username: 'system:anonymous', groups: ['system:unauthenticated'] }
const AUTHENTICATED = 'system:authenticated'

/** The wiring code of this process vouches for its own components. */
export const inProcessPeers: Authenticator = {
  name: 'in-process',
  authenticate: async (_request, peer) => (peer.kind === 'in-process' ? peer.user : undefined),
}

/** Users by their connection, so that each request of one is by the same. */
const certified = new WeakMap<Peer, UserInfo>()

/** X.509: the common name is the user, organisations are its groups. */
export const clientCertificates: Authenticator = {
  name: 'x509',
  async authenticate(_request, peer) {
    if (peer.kind !== 'tls' || peer.certificate === undefined) return undefined
    let user = certified.get(peer)
    if (user === undefined) {
      user = { username: peer.certificate.commonName, groups: [...new Set([...peer.certificate.organizations, AUTHENTICATED])] }
      certified.set(peer, user)
    }
    return user
  },
}

/** The front proxy vouches for the user it names in headers. */
export const frontProxy: Authenticator = {
  name: 'request-header',
  async authenticate(request, peer) {
    if (peer.kind !== 'tls' || peer.frontProxy === undefined) return undefined
    const username = request.headers?.['x-remote-user']
    if (!username) return undefined
    const groups = (request.headers?.['x-remote-group'] ?? '').split(',').map((group) => group.trim())
    return { username, groups: groups.filter((group) => group !== '') }
  },
}

/** Asks each in turn; a request without any credentials is anonymous, one with bad ones is refused. */
export async function authenticate(
  authenticators: readonly Authenticator[],
  request: TransportRequest,
  peer: Peer,
): Promise<UserInfo> {
  for (const authenticator of authenticators) {
    const user = await authenticator.authenticate(request, peer)
    if (user === undefined) continue
    return user.groups.includes(AUTHENTICATED) ? user : { ...user, groups: [...user.groups, AUTHENTICATED] }
  }
  if (request.headers?.['authorization'] !== undefined) throw unauthorized()
  return ANONYMOUS
}
