import { exponentialBounds, familyText, Histogram, histogramText, LabelledNumbers } from '../prometheus.ts'
import type { Authorizer, Decision } from './types.ts'

const RESULTS = ['allowed', 'denied', 'error', 'no-opinion'] as const

/** Upstream's metrics of what was decided. */
export class AuthorizationMetrics {
  readonly #decisions = new LabelledNumbers(
    'apiserver_authorization_decisions_total',
    'counter',
    'Total number of terminal decisions made by an authorizer split by authorizer type, name, and decision.',
  )

  /** Of requests, by what came of them; not of what else is asked of authorizers. */
  readonly #attempts = Object.fromEntries(
    RESULTS.map((result) => [result, new Histogram(exponentialBounds(0.001, 2, 15))]),
  ) as Record<(typeof RESULTS)[number], Histogram>

  attempted({ decision, error }: Decision, ms: number): void {
    const result =
      decision === 'allow' ? 'allowed' : error !== undefined ? 'error' : decision === 'deny' ? 'denied' : 'no-opinion'
    this.#attempts[result].observe(ms / 1000)
  }

  /** The same authorizer, whose opinions are counted. */
  counted(type: string, name: string, authorizer: Authorizer): Authorizer {
    const labels = { allow: { type, name, decision: 'allowed' }, deny: { type, name, decision: 'denied' } }
    const count = (answer: Decision): Decision => {
      if (answer.decision !== 'no-opinion') this.#decisions.add(labels[answer.decision])
      return answer
    }
    return {
      name: authorizer.name,
      authorize(attributes) {
        const answer = authorizer.authorize(attributes)
        return answer instanceof Promise ? answer.then(count) : count(answer)
      },
      ...(authorizer.rulesFor !== undefined && { rulesFor: (user, namespace) => authorizer.rulesFor!(user, namespace) }),
    }
  }

  text(): string {
    const seen = RESULTS.map((result) => [{ result }, this.#attempts[result]] as const).filter(([, { count }]) => count > 0)
    return [
      this.#decisions.text(),
      familyText(
        'authorization_attempts_total',
        'counter',
        "Counter of authorization attempts broken down by result. It can be either 'allowed', 'denied', 'no-opinion' or 'error'.",
        seen.map(([labels, { count }]) => [labels, count]),
      ),
      histogramText('authorization_duration_seconds', 'Authorization duration in seconds broken out by result.', seen),
    ].join('')
  }
}
