import { dirname } from 'node:path'
import type { Clock, Random } from '#base'
import { connectionOf, type HttpTransportOptions, readKubeconfig, type Transport, type TransportResponse } from '#client'

export interface ReviewWebhookOptions {
  /** What it is, for messages. */
  readonly name: string
  /** To the webhook itself: the path of its address is called as it stands. */
  readonly transport: Transport
  readonly timeoutMs: number
  /** Before the first attempt is repeated. */
  readonly pauseMs?: number
}

/** What is posted. */
export interface Review {
  readonly kind: string
  readonly [field: string]: unknown
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

/** A server that is configured by a kubeconfig, and answers reviews of one kind with their status. */
export class ReviewWebhook implements AsyncDisposable {
  readonly #options: ReviewWebhookOptions
  readonly #clock: Clock
  readonly #random: Random
  readonly #stop = new AbortController()

  constructor(options: ReviewWebhookOptions, { clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#options = options
    this.#clock = clock
    this.#random = random
  }

  /** Resolves with the answer's status, of which nothing is believed yet. Tries again what may pass by itself; rejects with what was wrong the last time. */
  async ask(review: Review): Promise<Readonly<Record<string, unknown>>> {
    for (let tries = 1, pauseMs = this.#options.pauseMs ?? PAUSE_MS; ; tries++, pauseMs *= PAUSE_FACTOR) {
      try {
        return await this.#post(review)
      } catch (error) {
        if (tries === TRIES_MAX || !(error instanceof Unanswered)) throw error
        await this.#clock.sleep(pauseMs * (1 + this.#random.float() * PAUSE_JITTER), { signal: this.#stop.signal })
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error(`the API server no longer asks the ${this.#options.name}`))
    await this.#options.transport[Symbol.asyncDispose]()
  }

  async #post(review: Review): Promise<Readonly<Record<string, unknown>>> {
    const { name, transport, timeoutMs } = this.#options
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
      throw new Unanswered(`failed to call the ${name}: ${messageOf(signal.aborted ? signal.reason : error)}`, { cause: error })
    }
    return statusIn(answer, review.kind, name)
  }
}

/** The server that a kubeconfig names, which has to be https. Rejects with what is wrong with it. */
export async function webhookConnection(path: string): Promise<HttpTransportOptions> {
  const connection = connectionOf(await readKubeconfig(path), { directory: dirname(path) })
  if (!connection.server.startsWith('https://'))
    throw new Error(`the kubeconfig ${path} names the server ${connection.server}, which is not https`)
  return connection
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
function statusIn(
  { status, text }: { readonly status: number; readonly text: string },
  kind: string,
  name: string,
): Readonly<Record<string, unknown>> {
  if (status === 429 || status >= 500) throw new Unanswered(`the ${name} answered with the status code ${status}`)
  if (status < 200 || status >= 300) throw new Error(`the ${name} answered with the status code ${status}`)
  let review: { readonly kind?: unknown; readonly status?: unknown } | null
  try {
    review = JSON.parse(text) as typeof review
  } catch (error) {
    throw new Error(`the ${name} answered with no ${kind}`, { cause: error })
  }
  if (review?.kind !== kind || typeof review.status !== 'object' || review.status === null)
    throw new Error(`the ${name} answered with no ${kind}`)
  return review.status as Readonly<Record<string, unknown>>
}

const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  // The transport wraps what it met.
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message
}
