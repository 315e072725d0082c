import { type Secret, secrets } from '#api'
import type { Clock, Log } from '#base'
import type { Client } from '#client'
import { formatTime } from '#meta'
import { audiencesOf, type Claims } from './jwt.ts'
import { tokenOf } from './service-account-keys.ts'
import { groupsOf, type ServiceAccountTokens, usernameOf } from './service-account-tokens.ts'
import type { Authenticated, TokenAuthenticator } from './types.ts'

const ISSUER = 'kubernetes/serviceaccount'
const PREFIX = 'kubernetes.io/serviceaccount/'
const LAST_USED = 'kubernetes.io/legacy-token-last-used'
const INVALID_SINCE = 'kubernetes.io/legacy-token-invalid-since'
const DAY_MS = 24 * 3_600_000

interface Dependencies {
  readonly tokens: ServiceAccountTokens
  readonly client: () => Client
  readonly clock: Clock
  readonly log: Log
}

interface LegacyClaims {
  readonly namespace: string
  readonly secret: string
  readonly account: string
  readonly uid: string
}

/**
 * Tokens in Secrets of type kubernetes.io/service-account-token, which never expire and live as long as their Secret
 * (https://kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets). The day of their last use is kept as a label.
 */
export class LegacyTokens implements TokenAuthenticator {
  readonly name = 'legacy-service-account'
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  async authenticateToken(token: string, audiences: readonly string[]): Promise<Authenticated | undefined> {
    const parsed = tokenOf(token, [ISSUER])
    if (parsed === undefined) return undefined
    const { tokens } = this.#dependencies
    const claims = await tokens.keys.verify(token, parsed)
    const named = audiencesOf(claims)
    const meant = (named.length === 0 ? tokens.audiences : named).filter((audience) => audiences.includes(audience))
    if (meant.length === 0) throw new Error(`token audiences ${JSON.stringify(named)} is invalid for the target audiences`)
    tokens.objects.checkTimes(claims)
    const { namespace, secret: name, account, uid } = legacyClaimsOf(claims)
    const secret = await tokens.objects.findSecret(`${namespace}/${name}`)
    if (secret === undefined || secret.metadata?.deletionTimestamp !== undefined)
      throw new Error('service account token has been invalidated')
    if (secret.data?.['token'] !== Buffer.from(token).toString('base64'))
      throw new Error("service account token does not match server's copy")
    await tokens.objects.checkAccount(namespace, { name: account, uid })
    if (secret.metadata?.labels?.[INVALID_SINCE])
      throw new Error(
        `the token in secret ${namespace}/${name} for service account ${namespace}/${account} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the '${INVALID_SINCE}' label from the secret to temporarily allow use of this token`,
      )
    this.#noteUse(secret)
    return { user: { username: usernameOf(namespace, account), uid, groups: groupsOf(namespace) }, audiences: meant }
  }

  /** Once a day; of several servers one may be a day ahead. Nobody waits for it. */
  #noteUse({ metadata }: Secret): void {
    const { client, clock, log } = this.#dependencies
    const dayOf = (ms: number): string => formatTime(ms).slice(0, 10)
    const [today, tomorrow] = [dayOf(clock.now()), dayOf(clock.now() + DAY_MS)]
    const lastUsed = metadata?.labels?.[LAST_USED]
    if (lastUsed === today || lastUsed === tomorrow) return
    const change = { metadata: { uid: metadata?.uid, labels: { [LAST_USED]: today } } }
    client()
      .patch(secrets, `${metadata?.namespace}/${metadata?.name}`, change, { type: 'merge' })
      .catch((error: unknown) => log.debug('The last use of a legacy token was not kept', { error }))
  }
}

/** Throws for claims that are not those of such a token. */
function legacyClaimsOf(claims: Claims): LegacyClaims {
  const text = (claim: string, called: string): string => {
    const value = claims[claim]
    if (typeof value !== 'string' || value === '') throw new Error(`${called} claim is missing`)
    return value
  }
  const subject = text('sub', 'sub')
  const own = {
    namespace: text(`${PREFIX}namespace`, 'namespace'),
    secret: text(`${PREFIX}secret.name`, 'secretName'),
    account: text(`${PREFIX}service-account.name`, 'serviceAccountName'),
    uid: text(`${PREFIX}service-account.uid`, 'serviceAccountUID'),
  }
  if (subject !== usernameOf(own.namespace, own.account)) throw new Error('sub claim is invalid')
  return own
}
