import { exponentialBounds, LabelledHistograms, LabelledNumbers } from '../prometheus.ts'

/** What is counted, and how long it took, by mode and decision. */
class Counted {
  readonly #count: LabelledNumbers
  readonly #durations: LabelledHistograms

  constructor(name: string, what: string) {
    const [total, seconds] = [`apiserver_impersonation_${name}_total`, `apiserver_impersonation_${name}_duration_seconds`]
    this.#count = new LabelledNumbers(total, 'counter', `Total number of ${what} split by mode and decision.`)
    const help = `Latency of ${what} in seconds split by mode and decision.`
    this.#durations = new LabelledHistograms(seconds, help, exponentialBounds(0.001, 2, 15))
  }

  add(mode: string, isAllowed: boolean, ms: number): void {
    const labels = { decision: isAllowed ? 'allowed' : 'denied', mode }
    this.#count.add(labels)
    this.#durations.observe(labels, ms / 1000)
  }

  text(): string {
    return this.#count.text() + this.#durations.text()
  }
}

/** Upstream's metrics of who would be somebody else. */
export class ImpersonationMetrics {
  readonly #attempts = new Counted('attempts', 'impersonation attempts')
  readonly #questions = new Counted('authorization_attempts', 'authorization checks made by the impersonation handler')

  /** Without a verb nothing allowed it. */
  attempted(verb: string | undefined, ms: number): void {
    this.#attempts.add(verb === undefined ? '' : modeOf(verb), verb !== undefined, ms)
  }

  /** An authorizer was asked. */
  asked(verb: string, isAllowed: boolean, ms: number): void {
    this.#questions.add(modeOf(verb), isAllowed, ms)
  }

  text(): string {
    return this.#attempts.text() + this.#questions.text()
  }
}

/** `impersonate:MODE`, `impersonate-on:MODE:VERB`, or `impersonate` alone. */
const modeOf = (verb: string): string => verb.split(':', 2)[1] ?? 'legacy'
