import { createHash, timingSafeEqual } from 'node:crypto'
import {
  BOOTSTRAP_TOKEN_NAMESPACE,
  BOOTSTRAP_TOKEN_PREFIX,
  BOOTSTRAP_TOKEN_TYPE,
  BOOTSTRAP_USER_PREFIX,
  type BootstrapToken,
  bootstrapTokenAllows,
  bootstrapTokenExpiryMs,
  bootstrapTokenGroups,
  parseBootstrapToken,
  type Secret,
  secrets,
  secretText,
} from '#api'
import type { Clock, Log } from '#base'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import type { Authenticated, TokenAuthenticator } from './types.ts'

/**
 * Tokens of Secrets `kube-system/bootstrap-token-ID` of type bootstrap.kubernetes.io/token
 * (https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/). A token that no Secret makes valid is left to the next authenticator.
 */
export class BootstrapTokens implements TokenAuthenticator {
  readonly name = 'bootstrap-token'
  readonly #cache: WatchCache
  readonly #clock: Clock
  readonly #log: Log

  constructor({ cache, clock, log }: { readonly cache: WatchCache; readonly clock: Clock; readonly log: Log }) {
    this.#cache = cache
    this.#clock = clock
    this.#log = log
  }

  async authenticateToken(text: string): Promise<Authenticated | undefined> {
    const token = parseBootstrapToken(text)
    if (token === undefined) return undefined
    // A token that was made a moment ago is already to be known.
    await this.#cache.current()
    const key = `${BOOTSTRAP_TOKEN_NAMESPACE}/${BOOTSTRAP_TOKEN_PREFIX}${token.id}`
    const secret = this.#cache.of(secrets).get(key)?.object as Secret | undefined
    if (secret === undefined) return undefined
    const groups = bootstrapTokenGroups(secret)
    const problem =
      problemOf(secret, token, this.#clock.now()) ?? (groups === undefined ? 'it names a group that it may not' : '')
    if (problem === '') return { user: { username: `${BOOTSTRAP_USER_PREFIX}${token.id}`, groups: groups! } }
    this.#log.debug('A bootstrap token was refused', { secret: key, problem })
    return undefined
  }
}

/** Why a Secret does not make the token valid; nothing of the token itself is told. */
function problemOf(secret: Secret, token: BootstrapToken, nowMs: number): string | undefined {
  if (secret.metadata?.deletionTimestamp !== undefined) return 'it is being deleted'
  if (secret.type !== BOOTSTRAP_TOKEN_TYPE) return `its type is not ${BOOTSTRAP_TOKEN_TYPE}`
  if (!isSame(secretText(secret, 'token-secret'), token.secret)) return 'its token-secret is another'
  if (secretText(secret, 'token-id') !== token.id) return 'its token-id is another'
  if ((bootstrapTokenExpiryMs(secret) ?? Number.POSITIVE_INFINITY) <= nowMs) return 'it has expired'
  if (!bootstrapTokenAllows(secret, 'authentication')) return 'it is not for authentication'
  return undefined
}

/** In time that does not depend on where they differ. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(one), digest(other))
}
