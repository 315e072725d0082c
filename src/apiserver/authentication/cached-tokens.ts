import { createHash } from 'node:crypto'
import type { Clock } from '#base'
import type { TokenCacheMetrics } from './metrics.ts'
import type { Authenticated, TokenAuthenticator } from './types.ts'

/** Answers that are remembered; the oldest goes first. */
const ANSWERS_MAX = 4096

interface Answer {
  readonly found: Authenticated | undefined
  readonly untilMs: number
}

export interface CacheTimes {
  /** For how long a user is taken for known, in milliseconds. */
  readonly successMs: number
  /** For how long a token is taken for nobody's. */
  readonly failureMs: number
}

/**
 * Remembers what an authenticator answered, so that whoever is far away is asked once for many requests; requests with the same token that come meanwhile
 * wait for the same answer. Failures to answer are not remembered. Tokens themselves are not kept, only their hashes.
 */
export class CachedTokens implements TokenAuthenticator {
  readonly name: string
  readonly #authenticator: TokenAuthenticator
  readonly #times: CacheTimes
  readonly #clock: Clock
  readonly #metrics: TokenCacheMetrics
  readonly #answers = new Map<string, Answer>()
  readonly #asking = new Map<string, Promise<Authenticated | undefined>>()

  constructor(
    authenticator: TokenAuthenticator,
    times: CacheTimes,
    { clock, metrics }: { readonly clock: Clock; readonly metrics: TokenCacheMetrics },
  ) {
    this.name = authenticator.name
    this.#authenticator = authenticator
    this.#times = times
    this.#clock = clock
    this.#metrics = metrics
  }

  async authenticateToken(token: string, audiences: readonly string[]): Promise<Authenticated | undefined> {
    const key = createHash('sha256')
      .update(JSON.stringify([token, audiences]))
      .digest('base64')
    const answer = this.#answers.get(key)
    const startedAtMs = this.#clock.monotonic()
    if (answer !== undefined && answer.untilMs > startedAtMs) {
      this.#metrics.asked('hit', 0)
      return answer.found
    }
    const asking = this.#asking.get(key) ?? this.#begin(key, token, audiences)
    this.#metrics.active('blocked', 1)
    try {
      return await asking
    } finally {
      this.#metrics.active('blocked', -1)
      this.#metrics.asked('miss', this.#clock.monotonic() - startedAtMs)
    }
  }

  #begin(key: string, token: string, audiences: readonly string[]): Promise<Authenticated | undefined> {
    const asking = this.#ask(key, token, audiences).finally(() => this.#asking.delete(key))
    this.#asking.set(key, asking)
    return asking
  }

  async #ask(key: string, token: string, audiences: readonly string[]): Promise<Authenticated | undefined> {
    const found = await this.#fetch(token, audiences)
    const ttlMs = found === undefined ? this.#times.failureMs : this.#times.successMs
    this.#answers.delete(key)
    if (ttlMs <= 0) return found
    if (this.#answers.size >= ANSWERS_MAX) this.#answers.delete(this.#answers.keys().next().value!)
    this.#answers.set(key, { found, untilMs: this.#clock.monotonic() + ttlMs })
    return found
  }

  async #fetch(token: string, audiences: readonly string[]): Promise<Authenticated | undefined> {
    this.#metrics.active('in_flight', 1)
    try {
      const found = await this.#authenticator.authenticateToken(token, audiences)
      this.#metrics.fetched('ok')
      return found
    } catch (error) {
      this.#metrics.fetched('error')
      throw error
    } finally {
      this.#metrics.active('in_flight', -1)
    }
  }
}
