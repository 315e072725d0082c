import { LabelledNumbers } from '../prometheus.ts'

/** Upstream's metric of connections. */
export class ConnectionMetrics {
  readonly #failures = new LabelledNumbers(
    'apiserver_tls_handshake_errors_total',
    'counter',
    "Number of requests dropped with 'TLS handshake error from' error",
  )

  constructor() {
    this.#failures.add({}, 0)
  }

  /** A client did not get as far as to ask for anything. */
  handshakeFailed(): void {
    this.#failures.add({})
  }

  text(): string {
    return this.#failures.text()
  }
}
