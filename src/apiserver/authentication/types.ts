import type { Peer, TransportRequest, UserInfo } from '#client'

/** Says who makes a request; undefined when it has nothing this authenticator understands. Throws `unauthorized()` for bad credentials. */
export interface Authenticator {
  readonly name: string
  authenticate(request: TransportRequest, peer: Peer): Promise<UserInfo | undefined>
}
