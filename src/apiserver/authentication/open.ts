import type { Clock, Log, Random } from '#base'
import type { UserInfo } from '#client'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import type { AnonymousOptions } from './anonymous.ts'
import { Authentication } from './authentication.ts'
import { BootstrapTokens } from './bootstrap-tokens.ts'
import { CachedTokens } from './cached-tokens.ts'
import { type RequestHeaderOptions, requestHeadersOf } from './certificates.ts'
import type { AuthenticationMetrics } from './metrics.ts'
import { type AuthenticationConfiguration, type ConfigurationSource, JwtAuthenticators } from './oidc/index.ts'
import type { ServiceAccountTokens } from './service-account-tokens.ts'
import type { Authenticated, TokenAuthenticator } from './types.ts'
import { type WebhookTokenOptions, WebhookTokens } from './webhook-tokens.ts'

/**
 * Says whose a token is, in this process: the user, or the user and those of the audiences that the token is meant for; undefined when it is not one of his
 * tokens. What it throws is why a token is not good.
 */
export type TokenFunction = (
  token: string,
  audiences: readonly string[],
) => Promise<UserInfo | Authenticated | undefined> | UserInfo | Authenticated | undefined

/** How users are known beside certificates and service accounts. */
export interface AuthenticationSettings {
  /** Whether tokens of joining nodes are accepted, as `--enable-bootstrap-token-auth` says. */
  readonly bootstrapTokens?: boolean | undefined
  /** Who may come without credentials; everybody unless said here or in the configuration. */
  readonly anonymous?: AnonymousOptions | undefined
  readonly requestHeaders?: Partial<RequestHeaderOptions> | undefined
  /** What `--authentication-config` names. */
  readonly configuration?: ConfigurationSource | undefined
  /** One issuer, as the `--oidc-*` flags name it. */
  readonly oidc?: { readonly configuration: AuthenticationConfiguration; readonly algorithms: readonly string[] } | undefined
  readonly webhook?: WebhookTokenOptions | undefined
  /** Webhooks of this process; asked before the one outside. */
  readonly functions?: readonly TokenFunction[] | undefined
}

export interface AuthenticationDependencies {
  readonly tokens: ServiceAccountTokens
  /** Further tokens that are known here, beside those of service accounts. */
  readonly local: readonly TokenAuthenticator[]
  readonly cache: WatchCache
  readonly metrics: AuthenticationMetrics
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Everybody who may say who somebody is, in upstream's order. Throws when a configuration is not valid. */
export async function openAuthentication(
  settings: AuthenticationSettings,
  { tokens, local, cache, metrics, clock, random, log }: AuthenticationDependencies,
): Promise<{ readonly authentication: Authentication } & Disposable> {
  using stack = new DisposableStack()
  const { configuration, oidc, webhook, functions = [] } = settings
  const jwt = stack.use(new JwtAuthenticators({ clock, log, disallowedIssuers: tokens.issuers }))
  const followed = configuration && (await jwt.follow(configuration))
  if (followed?.anonymous !== undefined && settings.anonymous !== undefined)
    throw new Error('--anonymous-auth flag cannot be set when anonymous field is configured in authentication configuration file')
  if (oidc !== undefined) await jwt.use(oidc.configuration, oidc.algorithms)
  const remote: TokenAuthenticator[] = functions.map((each) => inProcess(each))
  if (webhook !== undefined) {
    const asked = stack.use(new WebhookTokens(webhook, { clock, random, log, ownAudiences: tokens.audiences }))
    const times = { successMs: webhook.cacheTtlMs, failureMs: webhook.cacheTtlMs }
    remote.push(new CachedTokens(asked, times, { clock, metrics: metrics.cache }))
  }
  const authentication = new Authentication({
    requestHeaders: requestHeadersOf(settings.requestHeaders),
    tokens: [tokens, ...local, ...(settings.bootstrapTokens ? [new BootstrapTokens({ cache, clock, log })] : []), jwt, ...remote],
    audiences: tokens.audiences,
    anonymous: followed?.anonymous ?? settings.anonymous ?? { enabled: true },
    clock,
    metrics,
    log,
  })
  const owned = stack.move()
  return { authentication, [Symbol.dispose]: () => owned.dispose() }
}

const inProcess = (decide: TokenFunction): TokenAuthenticator => ({
  name: 'function',
  async authenticateToken(token, audiences) {
    const found = await decide(token, audiences)
    return found === undefined || 'user' in found ? found : { user: found }
  },
})
