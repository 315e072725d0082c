import { isObject } from '#meta'
import { type Claims, parseToken } from '../jwt.ts'
import type { IssuerConfiguration } from './configuration.ts'
import { fetchDocument } from './fetch-document.ts'
import { checkIdToken } from './id-token.ts'
import { Provider, type ProviderDependencies } from './provider.ts'

const NAMES = '_claim_names'
const SOURCES = '_claim_sources'
/** Of issuers that sign claims for others; the one that was asked for first goes. */
const PROVIDERS_MAX = 10

export interface DistributedClaimOptions {
  /** Who says where the claim is. */
  readonly issuer: IssuerConfiguration
  /** The one claim that may be somewhere else. */
  readonly claim: string
  readonly algorithms: readonly string[]
  /** Of `issuer` itself. */
  readonly provider: Provider
}

interface Endpoint {
  readonly endpoint?: unknown
  readonly access_token?: unknown
}

/**
 * Claims that do not fit into a token and are fetched from where it says they are (https://openid.net/specs/openid-connect-core-1_0.html#AggregatedDistributedClaims):
 * a token of its own, for the same audiences, signed by whoever it says it is of.
 */
export class DistributedClaims implements Disposable {
  readonly #options: DistributedClaimOptions
  readonly #dependencies: ProviderDependencies
  readonly #stop = new AbortController()
  readonly #providers = new Map<string, Provider>()

  constructor(options: DistributedClaimOptions, dependencies: ProviderDependencies) {
    this.#options = options
    this.#dependencies = dependencies
  }

  /** The claims of a token whose signature was found good, with the one that is somewhere else. Rejects when it can not be had. */
  async expanded(claims: Claims): Promise<Claims> {
    if (!Object.hasOwn(claims, NAMES)) return claims
    const endpoint = this.#endpointIn(claims)
    if (endpoint === undefined) return claims
    const { claim } = this.#options
    return { ...claims, [claim]: await this.#resolve(endpoint) }
  }

  [Symbol.dispose](): void {
    this.#stop.abort(new Error('the provider is no longer configured'))
    for (const provider of this.#providers.values()) provider[Symbol.dispose]()
  }

  #endpointIn(claims: Claims): Endpoint | undefined {
    const { claim } = this.#options
    const names = claims[NAMES]
    if (!isObject(names) || !Object.values(names).every((each) => typeof each === 'string'))
      throw new Error('oidc: error parsing distributed claim names: they are no object of texts')
    if (!Object.hasOwn(claims, SOURCES)) throw new Error('oidc: no claim sources')
    const sources = claims[SOURCES]
    if (!isObject(sources) || !Object.values(sources).every(isObject))
      throw new Error('oidc: could not parse claim sources: they are no object of objects')
    if (!Object.hasOwn(names, claim)) return undefined
    const name = names[claim] as string
    if (!Object.hasOwn(sources, name))
      throw new Error(`id token _claim_names contained a source ${name} missing in _claims_sources`)
    const endpoint = sources[name] as Endpoint
    // Without an address it is an aggregated claim, which upstream leaves alone.
    return endpoint.endpoint === undefined || endpoint.endpoint === '' ? undefined : endpoint
  }

  async #resolve({ endpoint, access_token: accessToken = '' }: Endpoint): Promise<unknown> {
    const { claim, issuer, algorithms } = this.#options
    const url = String(endpoint)
    const jwt = await this.#fetch(url, accessToken).catch((error: Error) => {
      throw new Error(`while getting distributed claim ${JSON.stringify(claim)}: ${error.message}`, { cause: error })
    })
    const unverified = parseToken(jwt)
    const signer = unverified?.claims['iss']
    if (unverified === undefined || typeof signer !== 'string')
      throw new Error(`getting untrusted issuer from endpoint ${url} failed for claim ${JSON.stringify(claim)}: it sent no token`)
    const provider = this.#providerOf(signer)
    if (!provider.isReady)
      throw new Error(
        `verifying untrusted issuer ${signer} failed: verifier not initialized for issuer: ${JSON.stringify(signer)}`,
      )
    try {
      const nowMs = this.#dependencies.clock.now()
      checkIdToken(unverified, { audiences: issuer.audiences ?? [], algorithms, nowMs })
      await provider.verify(jwt, unverified)
    } catch (error) {
      throw new Error(`verify distributed claim token: ${(error as Error).message}`, { cause: error })
    }
    if (!Object.hasOwn(unverified.claims, claim))
      throw new Error(`jwt returned by distributed claim endpoint ${JSON.stringify(url)} did not contain claim: ${claim}`)
    return unverified.claims[claim]
  }

  #fetch(url: string, accessToken: unknown): Promise<string> {
    const { certificateAuthority } = this.#options.issuer
    const headers = {
      accept: '*/*',
      ...(typeof accessToken === 'string' && accessToken !== '' && { authorization: `Bearer ${accessToken}` }),
    }
    const { clock } = this.#dependencies
    return fetchDocument(url, { certificateAuthority, headers, clock, signal: this.#stop.signal })
  }

  #providerOf(url: string): Provider {
    const { issuer, provider: own } = this.#options
    if (url === issuer.url) return own
    let provider = this.#providers.get(url)
    if (provider === undefined) {
      const { certificateAuthority } = issuer
      provider = new Provider({ url, ...(certificateAuthority && { certificateAuthority }) }, this.#dependencies)
      this.#providers.set(url, provider)
      const [oldest] = this.#providers
      if (this.#providers.size > PROVIDERS_MAX && oldest !== undefined) {
        this.#providers.delete(oldest[0])
        oldest[1][Symbol.dispose]()
      }
    }
    return provider
  }
}
