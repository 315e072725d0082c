import type { Agent } from 'node:https'
import { isIP } from 'node:net'
import type { TokenReview } from '#api'
import type { Clock, Log, Random } from '#base'
import type { HttpTransportOptions, UserInfo } from '#client'
import { callHttps } from '../https-call.ts'
import type { Authenticated, TokenAuthenticator } from './types.ts'

export type WebhookTokenVersion = 'v1' | 'v1beta1'

export interface WebhookTokenOptions {
  /** Where the reviewer is and how it knows us, as a kubeconfig says it; the path is called as it stands. */
  readonly connection: HttpTransportOptions
  readonly version: WebhookTokenVersion
  /** For how long its answers are remembered, in milliseconds. */
  readonly cacheTtlMs: number
}

interface Dependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** What tokens are for when the reviewer knows of no audiences. */
  readonly ownAudiences: readonly string[]
}

const CALL_TIMEOUT_MS = 30_000
const ANSWER_BYTES_MAX = 1024 * 1024
const CONNECTIONS_MAX = 25

/** Upstream's back-off: each pause is half as long again as the one before, give or take a fifth. */
const TRIES_MAX = 5
const PAUSE_MS = 500
const PAUSE_FACTOR = 1.5
const PAUSE_JITTER = 0.2

/** The reviewer could not answer now, and may soon. */
class Unanswered extends Error {}

/** Asks another server whose a token is, by TokenReviews (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#webhook-token-authentication). */
export class WebhookTokens implements TokenAuthenticator, Disposable {
  readonly name = 'webhook'
  readonly #options: WebhookTokenOptions
  readonly #dependencies: Dependencies
  readonly #stop = new AbortController()
  #agent: Agent | undefined

  constructor(options: WebhookTokenOptions, dependencies: Dependencies) {
    this.#options = options
    this.#dependencies = dependencies
  }

  async authenticateToken(token: string, audiences: readonly string[]): Promise<Authenticated | undefined> {
    const status = await this.#patiently(() => this.#review(token, audiences))
    const known = status.audiences?.length ? status.audiences : this.#dependencies.ownAudiences
    const meant = audiences.filter((audience) => known.includes(audience))
    if (meant.length === 0) return undefined
    if (status.authenticated !== true) {
      if (status.error) throw new Error(status.error)
      return undefined
    }
    return { user: userOf(status), audiences: meant }
  }

  [Symbol.dispose](): void {
    this.#stop.abort(new Error('the API server is shutting down'))
    this.#agent?.destroy()
  }

  async #patiently<T>(attempt: () => Promise<T>): Promise<T> {
    const { clock, random, log } = this.#dependencies
    for (let tries = 1, pauseMs = PAUSE_MS; ; tries++, pauseMs *= PAUSE_FACTOR) {
      try {
        return await attempt()
      } catch (error) {
        if (tries < TRIES_MAX && error instanceof Unanswered) {
          await clock.sleep(pauseMs * (1 + random.float() * PAUSE_JITTER), { signal: this.#stop.signal })
          continue
        }
        log.error('Failed to make webhook authenticator request', { error: (error as Error).message })
        throw error
      }
    }
  }

  async #review(token: string, audiences: readonly string[]): Promise<NonNullable<TokenReview['status']>> {
    const { version } = this.#options
    const apiVersion = `authentication.k8s.io/${version}`
    const review = { kind: 'TokenReview', apiVersion, metadata: {}, spec: { token, audiences }, status: { user: {} } }
    const { status, body, headers } = await this.#post(JSON.stringify(review))
    if (status === 429 || status === 500 || headers['retry-after'] !== undefined)
      throw new Unanswered(`the server answered with the status code ${status}`)
    if (status < 200 || status >= 300)
      throw new Error(`the server responded with the status code ${status} but did not return more information`)
    const answer = JSON.parse(body) as TokenReview | null
    if (answer?.kind !== 'TokenReview' || answer.apiVersion !== apiVersion)
      throw new Error(`the webhook answered with no TokenReview of ${apiVersion}`)
    return answer.status ?? {}
  }

  async #post(body: string): Promise<Awaited<ReturnType<typeof callHttps>>> {
    const { connection } = this.#options
    const { Agent } = await import('node:https')
    this.#agent ??= new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX })
    const url = new URL(connection.server)
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const { token, serverName = isIP(host) === 0 ? host : undefined } = connection
    const bearer = typeof token === 'function' ? await token({ refresh: false }) : token
    const expired = new AbortController()
    using _timer = this.#dependencies.clock.after(CALL_TIMEOUT_MS, () => expired.abort(new Error('context deadline exceeded')))
    const options = {
      method: 'POST',
      host,
      port: url.port === '' ? 443 : Number(url.port),
      path: url.pathname + url.search,
      ...(serverName !== undefined && { servername: serverName }),
      ...(connection.ca !== undefined && { ca: connection.ca }),
      ...(connection.certificate !== undefined && { cert: connection.certificate, key: connection.key }),
      ...(connection.insecureSkipTLSVerify && { rejectUnauthorized: false }),
      headers: {
        accept: 'application/json, */*',
        'content-type': 'application/json',
        ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      },
      agent: this.#agent,
    }
    try {
      const signal = AbortSignal.any([this.#stop.signal, expired.signal])
      return await callHttps(options, body, { answerBytesMax: ANSWER_BYTES_MAX, signal })
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException
      const why = `Post ${JSON.stringify(connection.server)}: ${expired.signal.aborted ? 'context deadline exceeded' : message}`
      throw code === 'ECONNRESET' ? new Unanswered(why, { cause: error }) : new Error(why, { cause: error })
    }
  }
}

/** Throws for a user who is nobody. */
function userOf({ user = {} }: NonNullable<TokenReview['status']>): UserInfo {
  const { username, uid, groups, extra } = user
  if (typeof username !== 'string' || username === '') throw new Error('the webhook answered with a user without a name')
  const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((each) => typeof each === 'string')
  const isWellFormed =
    (uid === undefined || typeof uid === 'string') &&
    isTexts(groups ?? []) &&
    typeof (extra ?? {}) === 'object' &&
    Object.values(extra ?? {}).every(isTexts)
  if (!isWellFormed) throw new Error('the webhook answered with a user that is none')
  return { username, ...(uid && { uid }), groups: groups ?? [], ...(extra && { extra }) }
}
