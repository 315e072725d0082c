import { LabelledNumbers } from '../prometheus.ts'
import type { Authorizer, Decision } from './types.ts'

/** Upstream's metrics of what was decided. */
export class AuthorizationMetrics {
  readonly #decisions = new LabelledNumbers(
    'apiserver_authorization_decisions_total',
    'counter',
    'Total number of terminal decisions made by an authorizer split by authorizer type, name, and decision.',
  )

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
    return this.#decisions.text()
  }
}
