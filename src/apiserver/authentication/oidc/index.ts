import type { Clock, Log } from '#base'
import type { FieldError } from '#meta'
import type { Authenticated, TokenAuthenticator } from '../types.ts'
import { claimedIssuer, JwtAuthenticator } from './authenticator.ts'
import { type AuthenticationConfiguration, readAuthenticationConfiguration } from './configuration.ts'
import { claimLanguage } from './expressions.ts'
import { SIGNING_ALGORITHMS } from './id-token.ts'
import { checkConfiguration } from './validate.ts'

export { type AuthenticationConfiguration, type JwtConfiguration, readAuthenticationConfiguration } from './configuration.ts'

/** A text that may change under us, such as that of a file. */
export interface ConfigurationSource {
  read(): Promise<string>
  /** Tells that it may have changed. */
  onChange(listener: () => void): Disposable
}

export interface JwtAuthenticatorsOptions {
  readonly clock: Clock
  readonly log: Log
  /** Issuers whose tokens others here answer for. */
  readonly disallowedIssuers: readonly string[]
}

/** A new configuration takes over once all its providers answered, and is given up when they did not in this time. */
const TAKE_OVER_MS = 60_000

/** Users by the tokens of other issuers; which ones may change while this runs (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration). */
export class JwtAuthenticators implements TokenAuthenticator, Disposable {
  readonly name = 'jwt'
  readonly #options: JwtAuthenticatorsOptions
  readonly #stack = new DisposableStack()
  #current: ReadonlyMap<string, JwtAuthenticator> = new Map()
  #text: string | undefined
  #loading: Promise<void> = Promise.resolve()

  constructor(options: JwtAuthenticatorsOptions) {
    this.#options = options
  }

  async authenticateToken(token: string): Promise<Authenticated | undefined> {
    if (this.#current.size === 0) return undefined
    const claimed = claimedIssuer(token)
    return claimed && this.#current.get(claimed.issuer)?.authenticate(token, claimed.token)
  }

  /** Takes a configuration. Its providers are asked from now on; nobody waits for them. Throws when it is not valid. */
  async use(configuration: AuthenticationConfiguration, algorithms: readonly string[] = SIGNING_ALGORITHMS): Promise<void> {
    this.#replace(await this.#make(configuration, algorithms))
  }

  /** Takes the configuration of a file now, and every valid one that it becomes. What is wrong with a later one is logged, and the last good one stays. */
  async follow(source: ConfigurationSource): Promise<AuthenticationConfiguration> {
    const text = await source.read()
    const configuration = await readAuthenticationConfiguration(text)
    await this.use(configuration)
    this.#text = text
    this.#stack.use(
      source.onChange(() => {
        this.#loading = this.#loading.then(() => this.#reload(source))
      }),
    )
    return configuration
  }

  [Symbol.dispose](): void {
    this.#stack.dispose()
    this.#replace([])
  }

  async #reload(source: ConfigurationSource): Promise<void> {
    const { log } = this.#options
    try {
      const text = await source.read()
      if (text === this.#text || this.#stack.disposed) return
      const made = await this.#make(await readAuthenticationConfiguration(text), SIGNING_ALGORITHMS)
      try {
        await this.#answering(made)
      } catch (error) {
        for (const each of made) each[Symbol.dispose]()
        throw error
      }
      this.#text = text
      this.#replace(made)
      log.info('The authentication configuration was reloaded', { issuers: made.map(({ issuer }) => issuer) })
    } catch (error) {
      if (!this.#stack.disposed)
        log.error('The authentication configuration can not be reloaded; the last one stays', { error: (error as Error).message })
    }
  }

  async #make(configuration: AuthenticationConfiguration, algorithms: readonly string[]): Promise<JwtAuthenticator[]> {
    const { disallowedIssuers, clock, log } = this.#options
    const { errors, compiled } = checkConfiguration(configuration, disallowedIssuers, await claimLanguage())
    if (errors.length > 0) throw new Error(messageOf(errors))
    return compiled.map((each) => new JwtAuthenticator({ ...each, algorithms }, { clock, log }))
  }

  async #answering(made: readonly JwtAuthenticator[]): Promise<void> {
    const late = Promise.withResolvers<never>()
    using _timer = this.#options.clock.after(TAKE_OVER_MS, () =>
      late.reject(new Error(`its providers did not answer within ${TAKE_OVER_MS / 1000} seconds`)),
    )
    await Promise.race([Promise.all(made.map(({ provider }) => provider.ready)), late.promise])
  }

  #replace(made: readonly JwtAuthenticator[]): void {
    const before = this.#current
    this.#current = new Map(made.map((each) => [each.issuer, each]))
    for (const each of before.values()) each[Symbol.dispose]()
  }
}

function messageOf(errors: readonly FieldError[]): string {
  const texts = errors.map(({ field, message }) => `${field}: ${message}`)
  return texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`
}
