import type { Clock, Random } from '#base'
import type { UserInfo } from '#client'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import { type BoundObjects, type Reference, TokenObjects } from './bound-objects.ts'
import { audiencesOf, type Claims } from './jwt.ts'
import type { ServiceAccountMetrics } from './metrics.ts'
import { type ServiceAccountKeyOptions, ServiceAccountKeys, tokenOf } from './service-account-keys.ts'
import type { Authenticated, AuthenticationNotes, TokenAuthenticator } from './types.ts'

export interface ServiceAccountTokenOptions extends ServiceAccountKeyOptions {
  /** Who issues tokens. */
  readonly issuer: string
  /** Whose tokens are accepted, too: earlier names of this issuer. */
  readonly otherIssuers?: readonly string[] | undefined
  /** What this server calls itself in tokens; its issuers unless named. */
  readonly audiences?: readonly string[] | undefined
  /** Where the discovery document says that the keys are; below the issuer unless named. */
  readonly jwksURI?: string | undefined
  /** Longer tokens are shortened to it. */
  readonly maxExpirationSeconds?: number | undefined
  /** Whether the tokens that pods ask for by themselves last a year, for clients that do not read them anew. Default: yes. */
  readonly extendExpiration?: boolean | undefined
}

/** The `kubernetes.io` claim of a token. */
interface PrivateClaims extends BoundObjects {
  /** Seconds since the epoch from which on its use is to be noticed. */
  readonly warnafter?: number
}

export interface TokenRequestClaims extends Omit<BoundObjects, 'serviceaccount'> {
  readonly serviceAccount: Reference
  readonly audiences: readonly string[]
  readonly expirationSeconds: number
  readonly warnAfterSeconds?: number | undefined
}

/** Issues and checks service-account JWTs (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/). */
export class ServiceAccountTokens implements TokenAuthenticator {
  readonly name = 'service-account'
  readonly issuer: string
  readonly options: ServiceAccountTokenOptions
  readonly keys: ServiceAccountKeys
  readonly objects: TokenObjects
  /** Who issues tokens first, then whose are accepted, too. */
  readonly issuers: readonly string[]
  readonly #clock: Clock
  readonly #random: Random
  readonly metrics: ServiceAccountMetrics

  constructor(
    options: ServiceAccountTokenOptions,
    { cache, clock, random, metrics }: { cache: WatchCache; clock: Clock; random: Random; metrics: ServiceAccountMetrics },
  ) {
    this.issuer = options.issuer
    this.options = options
    this.keys = new ServiceAccountKeys(options)
    this.objects = new TokenObjects({ cache, clock })
    this.issuers = [options.issuer, ...(options.otherIssuers ?? [])]
    this.#clock = clock
    this.#random = random
    this.metrics = metrics
  }

  /** What this server calls itself in tokens. */
  get audiences(): readonly string[] {
    return this.options.audiences ?? this.issuers
  }

  /** https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata */
  discovery(): object {
    return {
      issuer: this.issuer,
      jwks_uri: this.options.jwksURI ?? `${this.issuer.replace(/\/$/, '')}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: this.keys.algorithms(),
    }
  }

  async issue(request: TokenRequestClaims): Promise<string> {
    const nowSeconds = Math.floor(this.#clock.now() / 1000)
    const { namespace, serviceAccount, pod, node, secret, warnAfterSeconds } = request
    const kubernetes: PrivateClaims = {
      namespace,
      serviceaccount: serviceAccount,
      ...(pod && { pod }),
      ...(node && { node }),
      ...(secret && { secret }),
      ...(warnAfterSeconds !== undefined && { warnafter: nowSeconds + warnAfterSeconds }),
    }
    return this.keys.sign({
      aud: [...request.audiences],
      exp: nowSeconds + request.expirationSeconds,
      iat: nowSeconds,
      iss: this.issuer,
      jti: this.#random.uuid(),
      'kubernetes.io': kubernetes,
      nbf: nowSeconds,
      sub: usernameOf(namespace, serviceAccount.name),
    })
  }

  async authenticateToken(
    token: string,
    audiences: readonly string[],
    notes?: AuthenticationNotes,
  ): Promise<Authenticated | undefined> {
    const parsed = tokenOf(token, this.issuers)
    if (parsed === undefined) return undefined
    const claims = await this.keys.verify(token, parsed)
    const own = audiencesOf(claims)
    const meant = own.filter((audience) => audiences.includes(audience))
    if (meant.length === 0)
      throw new Error(`token audiences ${listed(own)} is invalid for the target audiences ${listed(audiences)}`)
    this.objects.checkTimes(claims)
    const bound = boundObjectsOf(claims)
    await this.objects.check(bound)
    this.#noteAge(claims, notes)
    return { user: userOf(bound, claims['jti']), audiences: meant }
  }

  /** Of tokens that last longer than they should be used: whether it should have been read anew by now. */
  #noteAge(claims: Claims, notes: AuthenticationNotes | undefined): void {
    const { warnafter } = claims['kubernetes.io'] as PrivateClaims
    if (typeof warnafter !== 'number' || warnafter === 0) return
    const lateSeconds = Math.floor(this.#clock.now() / 1000) - warnafter
    this.metrics.used(lateSeconds > 0 ? 'stale_tokens_total' : 'valid_tokens_total')
    if (lateSeconds > 0)
      notes?.annotate(
        'authentication.k8s.io/stale-token',
        `subject: ${String(claims['sub'])}, seconds after warning threshold: ${lateSeconds}`,
      )
  }
}

const listed = (names: readonly string[]): string => `[${names.map((name) => JSON.stringify(name)).join(' ')}]`

export const usernameOf = (namespace: string, name: string): string => `system:serviceaccount:${namespace}:${name}`

export const groupsOf = (namespace: string): string[] => ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]

/** Throws for claims that no token of this server has. */
function boundObjectsOf(claims: Claims): BoundObjects {
  const own = claims['kubernetes.io'] as Partial<PrivateClaims> | undefined
  const { namespace, serviceaccount, pod, secret, node } = own ?? {}
  const wellFormed =
    typeof namespace === 'string' &&
    isReference(serviceaccount) &&
    [pod, secret, node].every((each) => each === undefined || isReference(each)) &&
    claims['exp'] !== undefined &&
    claims['sub'] === usernameOf(namespace, serviceaccount.name)
  if (!wellFormed) throw new Error('service account token claims could not be validated due to unexpected private claim')
  return { namespace, serviceaccount, pod, secret, node }
}

function isReference(value: unknown): value is Reference {
  const { name, uid } = (value ?? {}) as Partial<Reference>
  return typeof name === 'string' && typeof uid === 'string'
}

function userOf({ namespace, serviceaccount, pod, node }: BoundObjects, jti: unknown): UserInfo {
  const prefix = 'authentication.kubernetes.io/'
  return {
    username: usernameOf(namespace, serviceaccount.name),
    uid: serviceaccount.uid,
    groups: groupsOf(namespace),
    extra: {
      ...(typeof jti === 'string' && { [`${prefix}credential-id`]: [`JTI=${jti}`] }),
      ...(pod && { [`${prefix}pod-name`]: [pod.name], [`${prefix}pod-uid`]: [pod.uid] }),
      ...(node && { [`${prefix}node-name`]: [node.name], [`${prefix}node-uid`]: [node.uid] }),
    },
  }
}
