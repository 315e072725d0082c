import { exponentialBounds, Histogram, histogramText, LabelledHistograms, LabelledNumbers } from '../prometheus.ts'

export type Attempt = 'success' | 'failure' | 'error'

/** The library's own, in seconds. */
const DEFAULT_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** Names that are told as they are; others would be as many as there are users. */
const KNOWN_NAMES = new Set(['admin', 'client', 'kube_proxy', 'kubelet', 'system:serviceaccount:kube-system:default'])

/** In seconds: nothing, half an hour, hours, days and months. */
const [HOUR, DAY] = [3_600, 86_400]
const LIFETIME_BOUNDS = [
  0,
  1_800,
  HOUR,
  2 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  4 * DAY,
  7 * DAY,
  30 * DAY,
  90 * DAY,
  180 * DAY,
  360 * DAY,
]

const counter = (name: string, help: string): LabelledNumbers => new LabelledNumbers(name, 'counter', help)

/** Upstream's metrics of who asks. */
export class AuthenticationMetrics {
  readonly #users = counter('authenticated_user_requests', 'Counter of authenticated requests broken out by username.')
  readonly #attempts = counter('authentication_attempts', 'Counter of authenticated attempts.')
  readonly #durations = new LabelledHistograms(
    'authentication_duration_seconds',
    'Authentication duration in seconds broken out by result.',
    exponentialBounds(0.001, 2, 15),
  )
  /** Shown from the start, as upstream's: its buckets are asked how soon certificates end. */
  readonly #certificates = new Histogram(LIFETIME_BOUNDS)
  readonly cache = new TokenCacheMetrics()
  readonly serviceAccounts = new ServiceAccountMetrics()

  attempted(result: Attempt, ms: number): void {
    this.#attempts.add({ result })
    this.#durations.observe({ result }, ms / 1000)
  }

  /** A certificate that is good for so long. */
  presented(leftMs: number): void {
    this.#certificates.observe(leftMs / 1000)
  }

  knew(username: string): void {
    this.#users.add({ username: KNOWN_NAMES.has(username) ? username : username.includes('@') ? 'email_id' : 'other' })
  }

  text(): string {
    const certificates = histogramText(
      'apiserver_client_certificate_expiration_seconds',
      'Distribution of the remaining lifetime on the certificate used to authenticate a request.',
      [[{}, this.#certificates]],
    )
    const counted = [this.#users, this.#attempts, this.#durations, this.cache, this.serviceAccounts]
    return certificates + counted.map((each) => each.text()).join('')
  }
}

/** Of answers about tokens that are remembered. */
export class TokenCacheMetrics {
  readonly #requests = counter('authentication_token_cache_request_total', '')
  readonly #durations = new LabelledHistograms('authentication_token_cache_request_duration_seconds', '', DEFAULT_BOUNDS)
  readonly #fetches = counter('authentication_token_cache_fetch_total', '')
  readonly #active = new LabelledNumbers('authentication_token_cache_active_fetch_count', 'gauge', '')

  asked(status: 'hit' | 'miss', ms: number): void {
    this.#requests.add({ status })
    this.#durations.observe({ status }, ms / 1000)
  }

  /** Requests that wait for an answer that is asked for already, or ask for one. */
  active(status: 'blocked' | 'in_flight', by: 1 | -1): void {
    this.#active.add({ status }, by)
  }

  fetched(status: 'ok' | 'error'): void {
    this.#fetches.add({ status })
  }

  text(): string {
    return [this.#requests, this.#durations, this.#fetches, this.#active].map((each) => each.text()).join('')
  }
}

const USES = {
  legacy_tokens_total: 'Cumulative legacy service account tokens used',
  stale_tokens_total: 'Cumulative stale projected service account tokens used',
  valid_tokens_total: 'Cumulative valid projected service account tokens used',
  legacy_auto_token_uses_total: 'Cumulative auto-generated legacy tokens used',
  legacy_manual_token_uses_total: 'Cumulative manually created legacy tokens used',
  invalid_legacy_auto_token_uses_total: 'Cumulative invalid auto-generated legacy tokens used',
} as const

/** Of tokens of service accounts, by what is to be known of them. */
export class ServiceAccountMetrics {
  readonly #uses = Object.fromEntries(
    Object.entries(USES).map(([name, help]) => [name, counter(`serviceaccount_${name}`, help)]),
  ) as Record<keyof typeof USES, LabelledNumbers>

  constructor() {
    for (const each of Object.values(this.#uses)) each.add({}, 0)
  }

  used(what: keyof typeof USES): void {
    this.#uses[what].add({})
  }

  text(): string {
    return Object.values(this.#uses)
      .map((each) => each.text())
      .join('')
  }
}
