import type { Answer } from '#base'
import type { Peer, TransportRequest, UserInfo } from '#client'

/** Where it is told what is worth knowing of how somebody was known, whether or not he is let in. */
export interface AuthenticationNotes {
  /** For the audit event of the request. */
  annotate(key: string, value: string): void
  /** For who asks. */
  warn(text: string): void
}

/** Says who makes a request; undefined when it has nothing this authenticator understands. Throws what is wrong with it. */
export interface Authenticator {
  readonly name: string
  authenticate(request: TransportRequest, peer: Peer, notes?: AuthenticationNotes): Answer<UserInfo | undefined>
}

export interface Authenticated {
  readonly user: UserInfo
  /** Of the audiences that were asked for, those that the token is meant for; absent from who knows of no audiences. */
  readonly audiences?: readonly string[]
}

/** Says whose a token is; undefined when it is none of this authenticator's. Rejects with what is wrong with one that is. */
export interface TokenAuthenticator {
  readonly name: string
  authenticateToken(token: string, audiences: readonly string[], notes?: AuthenticationNotes): Promise<Authenticated | undefined>
}
