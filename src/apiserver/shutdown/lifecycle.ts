import type { TransportResponse } from '#client'
import { failure, statusOf } from '#meta'
import { replyStatus, replyText } from '../response.ts'

/** Load balancers and monitors go on looking at a server until its end. */
const EXEMPT_PATHS = ['/readyz', '/livez', '/healthz', '/metrics']

/** With 503: at once, for another server is likely to answer. */
const RETRY_SECONDS = 1
/** With 429, to everybody who comes as long as the port is open. */
const RETRY_LATER_SECONDS = 5

export const shuttingDown = () => failure(503, 'ServiceUnavailable', 'apiserver is shutting down')

/**
 * Where a server is on its way to its end, and what it still owes an answer
 * (upstream's lifecycle signals: ShutdownInitiated, NotAcceptingNewRequest, InFlightRequestsDrained).
 *
 *     initiate()   readyz fails; all is served
 *     refuse()     what comes over a connection is told to go elsewhere
 *     drained()    what came before has its answer
 */
export class Lifecycle {
  #phase: 'serving' | 'initiated' | 'refusing' = 'serving'
  #refusal: 'retry' | 'retry later' = 'retry'
  #inFlight = 0
  #drained: PromiseWithResolvers<void> | undefined

  get isInitiated(): boolean {
    return this.#phase !== 'serving'
  }

  get isRefusing(): boolean {
    return this.#phase === 'refusing'
  }

  initiate(): void {
    if (this.#phase === 'serving') this.#phase = 'initiated'
  }

  /** `sendRetryAfter`: with 429 for later, instead of 503 for at once. */
  refuse({ sendRetryAfter }: { readonly sendRetryAfter: boolean }): void {
    this.#phase = 'refusing'
    this.#refusal = sendRetryAfter ? 'retry later' : 'retry'
  }

  /** What a request is told instead of being served, if it is not. Before anybody has looked at who asks. */
  refusalOf(path: string): TransportResponse | undefined {
    if (this.#phase !== 'refusing' || EXEMPT_PATHS.some((prefix) => path.startsWith(prefix))) return undefined
    return this.#refusal === 'retry' ? anotherServer() : later()
  }

  /** A request is there. Of one that lasts only its head is owed. */
  begin(): void {
    this.#inFlight++
  }

  /** It has its answer, or nobody waits for it any more. */
  end(): void {
    this.#inFlight--
    if (this.#inFlight === 0) this.#drained?.resolve()
  }

  /** Resolves once nothing is in flight. */
  drained(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve()
    this.#drained ??= Promise.withResolvers()
    return this.#drained.promise
  }
}

function anotherServer(): TransportResponse {
  const response = replyStatus(statusOf(shuttingDown()))
  const told = { 'retry-after': String(RETRY_SECONDS), 'x-content-type-options': 'nosniff' }
  return { ...response, headers: { ...response.headers, ...told } }
}

function later(): TransportResponse {
  const response = replyText(429, 'The apiserver is shutting down, please try again later.\n')
  return { ...response, headers: { ...response.headers, connection: 'close', 'retry-after': String(RETRY_LATER_SECONDS) } }
}
