import type { UserInfo } from '#client'
import { type Claims, parseToken, type UnverifiedToken } from '../jwt.ts'
import type { Authenticated } from '../types.ts'
import type { ClaimOrExpression, JwtConfiguration } from './configuration.ts'
import { DistributedClaims } from './distributed-claims.ts'
import { evaluated, textsOf } from './expressions.ts'
import { checkIdToken, SIGNING_ALGORITHMS } from './id-token.ts'
import { Provider, type ProviderDependencies } from './provider.ts'
import type { CompiledJwt, CompiledRule } from './validate.ts'

export interface JwtOptions {
  readonly configuration: JwtConfiguration
  readonly compiled: CompiledJwt
  readonly algorithms?: readonly string[]
}

/** Users by the tokens of one issuer, as one entry of an AuthenticationConfiguration maps their claims. */
export class JwtAuthenticator implements Disposable {
  readonly issuer: string
  readonly provider: Provider
  readonly #options: Required<JwtOptions>
  readonly #dependencies: ProviderDependencies
  /** Groups may be so many that they do not fit into a token. */
  readonly #distributed: DistributedClaims | undefined

  constructor(options: JwtOptions, dependencies: ProviderDependencies) {
    this.issuer = options.configuration.issuer.url ?? ''
    this.provider = new Provider(options.configuration.issuer, dependencies)
    this.#options = { algorithms: SIGNING_ALGORITHMS, ...options }
    this.#dependencies = dependencies
    const { issuer, claimMappings } = options.configuration
    const claim = claimMappings.groups?.claim ?? ''
    const { provider } = this
    const { algorithms } = this.#options
    this.#distributed = claim === '' ? undefined : new DistributedClaims({ issuer, claim, algorithms, provider }, dependencies)
  }

  /** Rejects with what is wrong with the token, or with what it says. */
  async authenticate(token: string, unverified: UnverifiedToken): Promise<Authenticated> {
    if (!this.provider.isReady)
      throw new Error(`oidc: authenticator for issuer ${JSON.stringify(this.issuer)} is not initialized`)
    const { audiences = [] } = this.#options.configuration.issuer
    const { algorithms } = this.#options
    try {
      checkIdToken(unverified, { audiences, algorithms, nowMs: this.#dependencies.clock.now() })
      await this.provider.verify(token, unverified)
    } catch (error) {
      throw new Error(`oidc: verify token: ${(error as Error).message}`, { cause: error })
    }
    const claims = await this.#expanded(unverified.claims)
    const user = this.#userOf(claims)
    this.#checkRequired(claims)
    const { claimRules, userRules } = this.#options.compiled
    checkRules(claimRules, { claims }, 'oidc: error evaluating claim validation expression')
    checkRules(userRules, { user }, 'oidc: error evaluating user info validation rule')
    return { user }
  }

  [Symbol.dispose](): void {
    this.#distributed?.[Symbol.dispose]()
    this.provider[Symbol.dispose]()
  }

  async #expanded(claims: Claims): Promise<Claims> {
    try {
      return (await this.#distributed?.expanded(claims)) ?? claims
    } catch (error) {
      throw new Error(`oidc: could not expand distributed claims: ${(error as Error).message}`, { cause: error })
    }
  }

  #userOf(claims: Claims): UserInfo {
    const { uid = {} } = this.#options.configuration.claimMappings
    const { compiled } = this.#options
    const username = this.#username(claims)
    if (username === '') throw new Error('oidc: username claim expression or claim value is empty')
    const expressed = (): string | undefined =>
      compiled.uid && explained('uid claim', () => textOf(evaluated(compiled.uid!, { claims }), 'uid claim'))
    const id = uid.claim ? textClaim(claims, uid.claim, 'uid claim') : expressed()
    const groups = this.#groups(claims)
    const extra = compiled.extra
      .map(({ key, program }) => [key, explained('extra claim', () => textsOf(evaluated(program, { claims })))] as const)
      .filter(([, values]) => values.length > 0)
    return {
      username,
      ...(id && { uid: id }),
      groups,
      ...(extra.length > 0 && { extra: Object.fromEntries(extra) }),
    }
  }

  #username(claims: Claims): string {
    const { username: program } = this.#options.compiled
    if (program !== undefined) return explained('username claim', () => textOf(evaluated(program, { claims }), 'username claim'))
    const { claim = '', prefix = '' }: ClaimOrExpression = this.#options.configuration.claimMappings.username ?? {}
    const name = textClaim(claims, claim, 'username claims')
    if (claim === 'email' && Object.hasOwn(claims, 'email_verified')) {
      const verified = claims['email_verified']
      if (typeof verified !== 'boolean') throw new Error("oidc: parse 'email_verified' claim: it is no boolean")
      if (!verified) throw new Error('oidc: email not verified')
    }
    return name === '' ? '' : `${prefix}${name}`
  }

  #groups(claims: Claims): readonly string[] {
    const { groups: program } = this.#options.compiled
    const { claim = '', prefix = '' }: ClaimOrExpression = this.#options.configuration.claimMappings.groups ?? {}
    if (claim !== '' && Object.hasOwn(claims, claim)) {
      const value = claims[claim]
      const groups = typeof value === 'string' ? [value] : value
      if (!Array.isArray(groups) || !groups.every((group) => typeof group === 'string'))
        throw new Error(`oidc: parse groups claim ${JSON.stringify(claim)}: it is neither a string nor a list of strings`)
      return groups.map((group: string) => `${prefix}${group}`)
    }
    return program === undefined ? [] : explained('group claim', () => textsOf(evaluated(program, { claims })))
  }

  #checkRequired(claims: Claims): void {
    for (const { claim = '', requiredValue = '' } of this.#options.configuration.claimValidationRules ?? []) {
      if (claim === '') continue
      if (!Object.hasOwn(claims, claim)) throw new Error(`oidc: required claim ${claim} not present in ID token`)
      const value = claims[claim]
      if (typeof value !== 'string') throw new Error(`oidc: parse claim ${claim}: it is no string`)
      if (value !== requiredValue)
        throw new Error(`oidc: required claim ${claim} value does not match. Got = ${value}, want = ${requiredValue}`)
    }
  }
}

/** The issuer that a token says it is of; old tokens of Google's say it without a scheme. */
export function claimedIssuer(token: string): { readonly issuer: string; readonly token: UnverifiedToken } | undefined {
  const parsed = parseToken(token)
  const issuer = parsed?.claims['iss']
  if (parsed === undefined || typeof issuer !== 'string') return undefined
  return { issuer: issuer === 'accounts.google.com' ? 'https://accounts.google.com' : issuer, token: parsed }
}

function textClaim(claims: Claims, claim: string, what: string): string {
  if (!Object.hasOwn(claims, claim)) throw new Error(`oidc: parse ${what} ${JSON.stringify(claim)}: claim not present`)
  const value = claims[claim]
  if (typeof value !== 'string') throw new Error(`oidc: parse ${what} ${JSON.stringify(claim)}: it is no string`)
  return value
}

function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new Error(`${what} expression must return a string`)
  return value
}

function explained<T>(what: string, evaluate: () => T): T {
  try {
    return evaluate()
  } catch (error) {
    throw new Error(`oidc: error evaluating ${what} expression: ${(error as Error).message}`, { cause: error })
  }
}

function checkRules(rules: readonly CompiledRule[], variables: Parameters<typeof evaluated>[1], what: string): void {
  for (const { expression, message, program } of rules) {
    let value: unknown
    try {
      value = evaluated(program, variables)
    } catch (error) {
      throw new Error(`${what}: expression '${expression}' resulted in error: ${(error as Error).message}`, { cause: error })
    }
    if (value !== true) throw new Error(`${what}: validation expression '${expression}' failed: ${message}`)
  }
}
