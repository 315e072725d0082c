import { together } from './problems.ts'
import type { Authenticated, AuthenticationNotes, TokenAuthenticator } from './types.ts'

/** More can't be meant; a head of a request holds no more either. */
const TOKEN_BYTES_MAX = 64 * 1024

/**
 * Asks each authenticator in turn, those of this machine first. The first that knows the token decides; when none does, all that was wrong is told.
 * Who knows nothing of audiences speaks for those of the API server alone.
 */
export class TokenUnion implements TokenAuthenticator {
  readonly name = 'tokens'
  readonly #authenticators: readonly TokenAuthenticator[]
  readonly #ownAudiences: readonly string[]

  constructor(authenticators: readonly TokenAuthenticator[], ownAudiences: readonly string[]) {
    this.#authenticators = authenticators
    this.#ownAudiences = ownAudiences
  }

  /** What `TokenReview` and requests that name no audience are for. */
  get ownAudiences(): readonly string[] {
    return this.#ownAudiences
  }

  async authenticateToken(
    token: string,
    audiences: readonly string[] = this.#ownAudiences,
    notes?: AuthenticationNotes,
  ): Promise<Authenticated | undefined> {
    if (token.length > TOKEN_BYTES_MAX) return undefined
    const problems: unknown[] = []
    for (const authenticator of this.#authenticators) {
      try {
        const found = await authenticator.authenticateToken(token, audiences, notes)
        if (found === undefined) continue
        if (found.audiences !== undefined) return found
        const own = audiences.filter((audience) => this.#ownAudiences.includes(audience))
        if (own.length > 0) return { ...found, audiences: own }
      } catch (error) {
        problems.push(error)
      }
    }
    if (problems.length > 0) throw together(problems)
    return undefined
  }
}
