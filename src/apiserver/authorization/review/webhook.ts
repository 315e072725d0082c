import type { SubjectAccessReview, SubjectAccessReviewSpec } from '#api'
import type { Clock, Random } from '#base'
import type { Transport, TransportResponse } from '#client'
import type { ReviewStatus } from './authorizer.ts'

export interface WebhookOptions {
  /** To the authorizer itself: the path of its address is called as it stands. */
  readonly transport: Transport
  readonly version: 'v1' | 'v1beta1'
  readonly timeoutMs: number
}

/** Of one answer: a status is a few sentences. */
export const ANSWER_BYTES_MAX = 1024 * 1024

/** Upstream's back-off: each pause is half as long again as the one before, give or take a fifth. */
const TRIES_MAX = 5
const PAUSE_MS = 500
const PAUSE_FACTOR = 1.5
const PAUSE_JITTER = 0.2

/** It could not answer now, and may soon. */
class Unanswered extends Error {}

/** A server that answers SubjectAccessReviews. */
export class AuthorizationWebhook implements AsyncDisposable {
  readonly #options: WebhookOptions
  readonly #clock: Clock
  readonly #random: Random
  readonly #stop = new AbortController()

  constructor(options: WebhookOptions, { clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#options = options
    this.#clock = clock
    this.#random = random
  }

  /** Tries again what may pass by itself; rejects with what was wrong the last time. */
  async ask(spec: SubjectAccessReviewSpec): Promise<ReviewStatus> {
    const review = this.#reviewOf(spec)
    for (let tries = 1, pauseMs = PAUSE_MS; ; tries++, pauseMs *= PAUSE_FACTOR) {
      try {
        return await this.#post(review)
      } catch (error) {
        if (tries === TRIES_MAX || !(error instanceof Unanswered)) throw error
        await this.#clock.sleep(pauseMs * (1 + this.#random.float() * PAUSE_JITTER), { signal: this.#stop.signal })
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the API server no longer asks this authorizer'))
    await this.#options.transport[Symbol.asyncDispose]()
  }

  /** The older version calls groups `group`. */
  #reviewOf({ groups = [], ...spec }: SubjectAccessReviewSpec): object {
    const { version } = this.#options
    return {
      kind: 'SubjectAccessReview',
      apiVersion: `authorization.k8s.io/${version}`,
      metadata: {},
      spec: { ...spec, [version === 'v1' ? 'groups' : 'group']: groups },
      status: { allowed: false },
    }
  }

  async #post(review: object): Promise<ReviewStatus> {
    const { transport, timeoutMs } = this.#options
    const expired = new AbortController()
    using _timer = this.#clock.after(timeoutMs, () => expired.abort(new Error('context deadline exceeded')))
    const signal = AbortSignal.any([expired.signal, this.#stop.signal])
    let answer: { readonly status: number; readonly text: string }
    try {
      const headers = { 'content-type': 'application/json' }
      const response = await transport.request({
        method: 'POST',
        path: '',
        headers,
        body: { kind: 'object', object: review },
        signal,
      })
      answer = { status: response.status, text: await textOf(response, signal) }
    } catch (error) {
      throw new Unanswered(`failed to call the authorization webhook: ${messageOf(signal.aborted ? signal.reason : error)}`, {
        cause: error,
      })
    }
    return statusIn(answer)
  }
}

async function textOf({ body }: TransportResponse, signal: AbortSignal): Promise<string> {
  if (body.kind === 'bytes') return Buffer.from(body.bytes).toString()
  const chunks: Uint8Array[] = []
  if (body.kind === 'stream') {
    for await (const chunk of body.stream) {
      signal.throwIfAborted()
      chunks.push(chunk)
    }
  }
  return Buffer.concat(chunks).toString()
}

/** A redirect is no answer, and is not followed. */
function statusIn({ status, text }: { readonly status: number; readonly text: string }): ReviewStatus {
  if (status === 429 || status >= 500) throw new Unanswered(`the authorization webhook answered with the status code ${status}`)
  if (status < 200 || status >= 300) throw new Error(`the authorization webhook answered with the status code ${status}`)
  let review: Partial<SubjectAccessReview> | null
  try {
    review = JSON.parse(text) as typeof review
  } catch (error) {
    throw new Error('the authorization webhook answered with no SubjectAccessReview', { cause: error })
  }
  if (review?.kind !== 'SubjectAccessReview' || typeof review.status !== 'object' || review.status === null)
    throw new Error('the authorization webhook answered with no SubjectAccessReview')
  const { allowed, denied, reason } = review.status as unknown as Record<string, unknown>
  return { allowed: allowed === true, denied: denied === true, reason: typeof reason === 'string' ? reason : '' }
}

const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  // The transport wraps what it met.
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message
}
