import { type Answer, andThen, type Clock, type Log, recovering } from '#base'
import type { Peer, TransportRequest, UserInfo } from '#client'
import { unauthorized } from '#meta'
import { ANONYMOUS, type AnonymousOptions, isAnonymous, isAnonymousAllowed } from './anonymous.ts'
import { bearerTokens, webSocketTokens } from './bearer.ts'
import { clientCertificates, frontProxy, type RequestHeaderOptions } from './certificates.ts'
import type { Attempt, AuthenticationMetrics } from './metrics.ts'
import { together } from './problems.ts'
import { TokenUnion } from './token-union.ts'
import type { AuthenticationNotes, Authenticator, TokenAuthenticator } from './types.ts'

const AUTHENTICATED = 'system:authenticated'
/** Headers of impersonation, and of front proxies as they are by convention. */
const CREDENTIALS = /^(impersonate|x-remote)-/
/** Names of headers of which it is remembered whether they are credentials: clients send few. */
const HEADER_NAMES_MAX = 1_000

/** The wiring code of this process vouches for its own components. */
export const inProcessPeers: Authenticator = {
  name: 'in-process',
  authenticate: (_request, peer) => (peer.kind === 'in-process' ? peer.user : undefined),
}

export interface AuthenticationOptions {
  readonly requestHeaders: RequestHeaderOptions
  /** In the order in which they are asked; those that ask somebody else last. */
  readonly tokens: readonly TokenAuthenticator[]
  /** What this server calls itself in tokens. */
  readonly audiences: readonly string[]
  readonly anonymous: AnonymousOptions
  readonly clock: Clock
  readonly metrics: AuthenticationMetrics
  readonly log: Log
}

/**
 * Says who makes a request: the front proxy's word, a client certificate, a token, in this order. The first that knows somebody decides, whatever was wrong
 * with other credentials of the request. Wrong credentials alone are refused; none at all are anonymous, where that is allowed.
 */
export class Authentication {
  /** Of this server, for whoever reviews a token. */
  readonly tokens: TokenUnion
  readonly #authenticators: readonly Authenticator[]
  readonly #anonymous: AnonymousOptions
  /** Headers in which a front proxy speaks, by their names or beginnings. */
  readonly #vouching: readonly string[]
  readonly #isCredential = new Map<string, boolean>()
  readonly #clock: Clock
  readonly #metrics: AuthenticationMetrics
  readonly #log: Log

  constructor({ requestHeaders, tokens, audiences, anonymous, clock, metrics, log }: AuthenticationOptions) {
    this.tokens = new TokenUnion(tokens, audiences)
    this.#authenticators = [
      inProcessPeers,
      frontProxy(requestHeaders),
      clientCertificates(clock, metrics),
      bearerTokens(this.tokens),
      webSocketTokens(this.tokens),
    ]
    this.#anonymous = anonymous
    this.#clock = clock
    this.#metrics = metrics
    this.#log = log
    const { usernameHeaders, uidHeaders, groupHeaders, extraHeaderPrefixes } = requestHeaders
    const own = [usernameHeaders, uidHeaders, groupHeaders, extraHeaderPrefixes].flat().map((name) => name.toLowerCase())
    this.#vouching = own.filter((name) => !CREDENTIALS.test(name))
  }

  /** Throws 401 for credentials that are not good, and for none where somebody has to be known. */
  authenticate(request: TransportRequest, peer: Peer, notes?: AuthenticationNotes): Answer<UserInfo> {
    const startedAtMs = this.#clock.monotonic()
    const end = (result: Attempt): void => this.#metrics.attempted(result, this.#clock.monotonic() - startedAtMs)
    const problems: unknown[] = []
    const asked = recovering(
      () => this.#askFrom(0, { request, peer, notes, problems }),
      (error) => {
        end(problems.length > 0 ? 'error' : 'failure')
        throw error
      },
    )
    return andThen(asked, (user) => {
      this.#metrics.knew(user.username)
      end('success')
      return user
    })
  }

  /** Asks the authenticator at `index`, and those behind it as long as none knows who it is. */
  #askFrom(index: number, asking: Asking): Answer<UserInfo> {
    const { request, peer, notes, problems } = asking
    const authenticator = this.#authenticators[index]
    if (authenticator === undefined) return this.#nobody(request, problems)
    const asked = recovering(
      () => authenticator.authenticate(request, peer, notes),
      (error) => {
        problems.push(error)
        return undefined
      },
    )
    return andThen(asked, (user) => (user === undefined ? this.#askFrom(index + 1, asking) : withAuthenticated(user)))
  }

  #nobody(request: TransportRequest, problems: readonly unknown[]): UserInfo {
    if (problems.length > 0) {
      this.#log.debug('Unable to authenticate the request', { path: request.path, error: together(problems).message })
      throw unauthorized()
    }
    if (!isAnonymousAllowed(this.#anonymous, request.path)) throw unauthorized()
    return ANONYMOUS
  }

  /** The status of a TokenReview: whose a token is that is meant for one of `audiences`, by default this server's. */
  async review(token: string, audiences?: readonly string[]): Promise<TokenReviewStatus> {
    try {
      const found = await this.tokens.authenticateToken(token, audiences)
      if (found === undefined) throw new Error('invalid bearer token')
      return { authenticated: true, user: withAuthenticated(found.user), audiences: found.audiences ?? [] }
    } catch (error) {
      return { user: {}, error: (error as Error).message }
    }
  }

  /** The request as whoever serves it may see it, and pass it on: without what only authentication reads. */
  withoutCredentials(request: TransportRequest): TransportRequest {
    const { headers = {} } = request
    for (const name in headers) {
      if (!this.isCredential(name)) continue
      const kept = Object.entries(headers).filter(([each]) => !this.isCredential(each))
      const { method, path, query, body } = request
      return {
        method,
        path,
        query,
        headers: Object.fromEntries(kept),
        body,
        patience: request.patience,
        get signal() {
          return request.signal
        },
      }
    }
    return request
  }

  /** By the lower-case name of a header. */
  isCredential(name: string): boolean {
    let is = this.#isCredential.get(name)
    if (is === undefined) {
      is = name === 'authorization' || CREDENTIALS.test(name) || this.#vouching.some((prefix) => name.startsWith(prefix))
      if (this.#isCredential.size >= HEADER_NAMES_MAX) this.#isCredential.clear()
      this.#isCredential.set(name, is)
    }
    return is
  }
}

export interface TokenReviewStatus {
  readonly authenticated?: boolean
  readonly user: UserInfo | Record<string, never>
  readonly audiences?: readonly string[]
  readonly error?: string
}

/** One request, and what was wrong with its credentials so far. */
interface Asking {
  readonly request: TransportRequest
  readonly peer: Peer
  readonly notes: AuthenticationNotes | undefined
  readonly problems: unknown[]
}

const extended = new WeakMap<UserInfo, UserInfo>()

/** Everybody who is known is of one more group; whoever is known to be anonymous is not. The same user gives the same answer. */
function withAuthenticated(user: UserInfo): UserInfo {
  if (user.groups.includes(AUTHENTICATED) || isAnonymous(user)) return user
  let known = extended.get(user)
  if (known === undefined) {
    known = { ...user, groups: [...user.groups, AUTHENTICATED] }
    extended.set(user, known)
  }
  return known
}
