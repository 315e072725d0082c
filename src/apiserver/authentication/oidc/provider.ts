import type { JWK } from 'jose'
import type { Clock, Log, Timer } from '#base'
import type { UnverifiedToken } from '../jwt.ts'
import type { IssuerConfiguration } from './configuration.ts'
import { fetchDocument } from './fetch-document.ts'

export interface ProviderDependencies {
  readonly clock: Clock
  readonly log: Log
}

/** A provider that can not be reached at first is asked again. */
const RETRY_MS = 10_000
/** Whoever sends tokens with keys that nobody knows makes us ask for keys no oftener. */
const REFETCH_MS = 10_000
const KEYS_MAX = 1_000

/**
 * The keys of an OpenID Connect provider, by its discovery document (https://openid.net/specs/openid-connect-discovery-1_0.html). Read when the provider is
 * made, again until that succeeds, and when a token names a key that is not among them: so a provider may change its keys at any time.
 */
export class Provider implements Disposable {
  readonly #issuer: IssuerConfiguration
  readonly #dependencies: ProviderDependencies
  readonly #stop = new AbortController()
  readonly #ready = Promise.withResolvers<void>()
  #keys: readonly JWK[] | undefined
  #jwksURI = ''
  #fetchedAtMs = Number.NEGATIVE_INFINITY
  #fetching: Promise<void> | undefined
  #retry: Timer | undefined

  constructor(issuer: IssuerConfiguration, dependencies: ProviderDependencies) {
    this.#issuer = issuer
    this.#dependencies = dependencies
    // Nobody need wait for it.
    this.#ready.promise.catch(() => undefined)
    void this.#begin()
  }

  /** Resolves once the keys are known; rejects when the provider is given up. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  get isReady(): boolean {
    return this.#keys !== undefined
  }

  /** Resolves when the signature of a token is that of one of the keys that it may be of. Rejects otherwise. */
  async verify(token: string, unverified: UnverifiedToken): Promise<void> {
    if (await this.#isSigned(token, unverified)) return
    const { clock } = this.#dependencies
    if (this.#fetching === undefined && clock.monotonic() - this.#fetchedAtMs < REFETCH_MS)
      throw new Error('failed to verify signature: failed to verify id token signature')
    await this.#refetch()
    if (!(await this.#isSigned(token, unverified)))
      throw new Error('failed to verify signature: failed to verify id token signature')
  }

  [Symbol.dispose](): void {
    this.#retry?.[Symbol.dispose]()
    const gone = new Error('the provider is no longer configured')
    this.#stop.abort(gone)
    this.#ready.reject(gone)
  }

  async #begin(): Promise<void> {
    try {
      await this.#discover()
      await this.#refetch()
      this.#ready.resolve()
    } catch (error) {
      if (this.#stop.signal.aborted) return
      const { clock, log } = this.#dependencies
      log.error('The OpenID Connect provider can not be read', { issuer: this.#issuer.url, error: (error as Error).message })
      this.#retry = clock.after(RETRY_MS, () => void this.#begin())
    }
  }

  async #discover(): Promise<void> {
    const { url = '', discoveryURL = '' } = this.#issuer
    const document = await this.#read(
      discoveryURL === '' ? `${url.replace(/\/$/, '')}/.well-known/openid-configuration` : discoveryURL,
    )
    const { issuer, jwks_uri: keys } = document as { readonly issuer?: unknown; readonly jwks_uri?: unknown }
    if (issuer !== url)
      throw new Error(
        `oidc: issuer did not match the issuer returned by provider, expected ${JSON.stringify(url)} got ${JSON.stringify(issuer ?? '')}`,
      )
    if (typeof keys !== 'string' || !keys.startsWith('https://'))
      throw new Error('oidc: the discovery document names no https jwks_uri')
    this.#jwksURI = keys
  }

  /** One request for all who need it. */
  #refetch(): Promise<void> {
    this.#fetching ??= (async () => {
      try {
        const { keys } = (await this.#read(this.#jwksURI)) as { readonly keys?: unknown }
        if (!Array.isArray(keys) || keys.length > KEYS_MAX) throw new Error('oidc: the key set is none')
        this.#keys = keys.filter(isSigningKey)
      } catch (error) {
        throw new Error(`fetching keys ${(error as Error).message}`, { cause: error })
      } finally {
        this.#fetchedAtMs = this.#dependencies.clock.monotonic()
        this.#fetching = undefined
      }
    })()
    return this.#fetching
  }

  async #read(url: string): Promise<object> {
    const { certificateAuthority } = this.#issuer
    const { clock } = this.#dependencies
    const headers = { accept: 'application/json' }
    const body = await fetchDocument(url, { certificateAuthority, headers, clock, signal: this.#stop.signal })
    const document: unknown = JSON.parse(body)
    if (typeof document !== 'object' || document === null) throw new Error(`Get ${JSON.stringify(url)}: not a JSON object`)
    return document
  }

  async #isSigned(token: string, { algorithm, keyId }: UnverifiedToken): Promise<boolean> {
    const fitting = (this.#keys ?? []).filter(
      ({ kid, kty, alg }) =>
        (keyId === undefined || kid === keyId) && kty === typeOf(algorithm) && (alg === undefined || alg === algorithm),
    )
    if (fitting.length === 0) return false
    const { compactVerify, importJWK } = await import('jose')
    for (const jwk of fitting) {
      try {
        await compactVerify(token, await importJWK(jwk, algorithm), { algorithms: [algorithm] })
        return true
      } catch {
        // Not this key's: the next one decides.
      }
    }
    return false
  }
}

const typeOf = (algorithm: string): string => (algorithm.startsWith('ES') ? 'EC' : 'RSA')

/** A secret among the keys is nobody's proof of anything. */
const isSigningKey = (key: unknown): key is JWK => {
  const { kty, use } = (key ?? {}) as Partial<JWK>
  return (kty === 'RSA' || kty === 'EC') && (use === undefined || use === 'sig')
}
