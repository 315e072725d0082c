import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { nodes, pods, secrets, serviceAccounts } from '#api'
import type { Clock, Random } from '#base'
import type { Peer, TransportRequest, UserInfo } from '#client'
import { unauthorized } from '#meta'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import type { Authenticator } from './types.ts'

export interface ServiceAccountTokenOptions {
  readonly issuer: string
  /** PEM, ECDSA P-256 or RSA. */
  readonly signingKey: string
  /** PEM public keys whose signatures are accepted, the signing key's among them. */
  readonly verificationKeys: readonly string[]
}

interface Reference {
  readonly name: string
  readonly uid: string
}

/** The `kubernetes.io` claim of a token. */
interface PrivateClaims {
  readonly namespace: string
  readonly serviceaccount: Reference
  readonly pod?: Reference
  readonly secret?: Reference
  readonly node?: Reference
}

export interface TokenRequestClaims {
  readonly namespace: string
  readonly serviceAccount: Reference
  readonly pod?: Reference | undefined
  readonly node?: Reference | undefined
  readonly secret?: Reference | undefined
  readonly audiences: readonly string[]
  readonly expirationSeconds: number
}

/** Issues and checks service-account JWTs (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/). */
export class ServiceAccountTokens implements Authenticator {
  readonly name = 'service-account'
  readonly issuer: string
  readonly #signingKey: KeyObject
  readonly #verificationKeys: readonly KeyObject[]
  readonly #cache: WatchCache
  readonly #clock: Clock
  readonly #random: Random

  constructor(
    options: ServiceAccountTokenOptions,
    { cache, clock, random }: { cache: WatchCache; clock: Clock; random: Random },
  ) {
    this.issuer = options.issuer
    this.#signingKey = createPrivateKey(options.signingKey)
    this.#verificationKeys = options.verificationKeys.map((pem) => createPublicKey(pem))
    this.#cache = cache
    this.#clock = clock
    this.#random = random
  }

  async issue(claims: TokenRequestClaims): Promise<{ readonly token: string; readonly expiresAtMs: number }> {
    const { SignJWT } = await import('jose')
    const nowSeconds = Math.floor(this.#clock.now() / 1000)
    const kubernetes: PrivateClaims = {
      namespace: claims.namespace,
      serviceaccount: claims.serviceAccount,
      ...(claims.pod && { pod: claims.pod }),
      ...(claims.node && { node: claims.node }),
      ...(claims.secret && { secret: claims.secret }),
    }
    const token = await new SignJWT({ 'kubernetes.io': kubernetes })
      .setProtectedHeader({ alg: algorithmOf(this.#signingKey), kid: keyId(createPublicKey(this.#signingKey)) })
      .setIssuer(this.issuer)
      .setSubject(usernameOf(claims.namespace, claims.serviceAccount.name))
      .setAudience([...claims.audiences])
      .setJti(this.#random.uuid())
      .setIssuedAt(nowSeconds)
      .setNotBefore(nowSeconds)
      .setExpirationTime(nowSeconds + claims.expirationSeconds)
      .sign(this.#signingKey)
    return { token, expiresAtMs: (nowSeconds + claims.expirationSeconds) * 1000 }
  }

  async authenticate(request: TransportRequest, _peer: Peer): Promise<UserInfo | undefined> {
    const token = bearerToken(request)
    if (token === undefined) return undefined
    const verified = await this.verify(token, [this.issuer])
    if (verified === undefined) throw unauthorized()
    return verified.user
  }

  /** The user of a valid token for one of `audiences`; undefined when it is not valid now. */
  async verify(
    token: string,
    audiences: readonly string[],
  ): Promise<{ readonly user: UserInfo; readonly audiences: readonly string[] } | undefined> {
    const { jwtVerify } = await import('jose')
    for (const key of this.#verificationKeys) {
      try {
        const { payload } = await jwtVerify(token, key, {
          issuer: this.issuer,
          audience: [...audiences],
          algorithms: [algorithmOf(key)],
          currentDate: new Date(this.#clock.now()),
          requiredClaims: ['exp', 'sub'],
        })
        const claims = payload['kubernetes.io'] as PrivateClaims | undefined
        if (claims === undefined || payload.sub !== usernameOf(claims.namespace, claims.serviceaccount.name)) return undefined
        if (!this.#stillExists(claims)) return undefined
        const named = Array.isArray(payload.aud) ? payload.aud : [payload.aud ?? '']
        return { user: userOf(claims, payload.jti), audiences: named.filter((audience) => audiences.includes(audience)) }
      } catch {
        // Not this key, or not valid: the next key decides.
      }
    }
    return undefined
  }

  /** Public keys as a JWK set, for `/openid/v1/jwks`. */
  keySet(): unknown {
    const keys = this.#verificationKeys.map((key) => ({
      use: 'sig',
      kid: keyId(key),
      alg: algorithmOf(key),
      ...key.export({ format: 'jwk' }),
    }))
    return { keys }
  }

  algorithms(): string[] {
    return [...new Set(this.#verificationKeys.map(algorithmOf))]
  }

  /** A token dies with what it is bound to. */
  #stillExists({ namespace, serviceaccount, pod, secret, node }: PrivateClaims): boolean {
    const alive = (resource: Parameters<WatchCache['of']>[0], key: string, reference: Reference | undefined): boolean => {
      if (reference === undefined) return true
      return this.#cache.of(resource).get(key)?.object.metadata?.uid === reference.uid
    }
    return (
      alive(serviceAccounts, `${namespace}/${serviceaccount.name}`, serviceaccount) &&
      alive(pods, `${namespace}/${pod?.name}`, pod) &&
      alive(secrets, `${namespace}/${secret?.name}`, secret) &&
      (pod !== undefined || alive(nodes, node?.name ?? '', node))
    )
  }
}

const usernameOf = (namespace: string, name: string): string => `system:serviceaccount:${namespace}:${name}`

function userOf({ namespace, serviceaccount, pod, node }: PrivateClaims, jti: string | undefined): UserInfo {
  const prefix = 'authentication.kubernetes.io/'
  return {
    username: usernameOf(namespace, serviceaccount.name),
    uid: serviceaccount.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
    extra: {
      ...(jti !== undefined && { [`${prefix}credential-id`]: [`JTI=${jti}`] }),
      ...(pod && { [`${prefix}pod-name`]: [pod.name], [`${prefix}pod-uid`]: [pod.uid] }),
      ...(node && { [`${prefix}node-name`]: [node.name], [`${prefix}node-uid`]: [node.uid] }),
    },
  }
}

export function bearerToken(request: TransportRequest): string | undefined {
  const header = request.headers?.['authorization']
  return header === undefined ? undefined : /^Bearer (\S+)$/i.exec(header)?.[1]
}

function algorithmOf(key: KeyObject): 'ES256' | 'RS256' {
  return key.asymmetricKeyType === 'ec' ? 'ES256' : 'RS256'
}

/** A stable name for a public key. */
function keyId(key: KeyObject): string {
  const der = key.export({ type: 'spki', format: 'der' })
  return hash(der)
}

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64url')
