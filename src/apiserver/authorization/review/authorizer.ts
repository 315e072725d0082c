import type { SubjectAccessReviewSpec } from '#api'
import type { Clock, Log } from '#base'
import { type AuthorizationAttributes, type Authorizer, type Decision, type KnownRules, noOpinion } from '../types.ts'
import type { MatchConditions } from './conditions.ts'
import { DecisionCache, questionOf, type Remembering } from './decision-cache.ts'
import { specOf } from './spec.ts'

/** What another authorizer says: `status` of a SubjectAccessReview. */
export interface ReviewStatus {
  readonly allowed?: boolean | undefined
  /** Whoever is asked behind it is not to allow it either. */
  readonly denied?: boolean | undefined
  readonly reason?: string | undefined
  readonly evaluationError?: string | undefined
}

export type FailurePolicy = 'NoOpinion' | 'Deny'

export interface ReviewAuthorizerOptions {
  readonly name: string
  readonly remembering: Remembering
  readonly failurePolicy: FailurePolicy
  readonly conditions?: MatchConditions | undefined
  /** Rejects when no answer could be had. */
  ask(spec: SubjectAccessReviewSpec): Promise<ReviewStatus>
  /** Whether it could tell what a user may do. */
  readonly rules: KnownRules
}

/** Asks others by SubjectAccessReviews, and remembers their answers (https://kubernetes.io/docs/reference/access-authn-authz/webhook/). */
export class ReviewAuthorizer implements Authorizer {
  readonly name: string
  readonly #options: ReviewAuthorizerOptions
  readonly #cache: DecisionCache
  readonly #log: Log

  constructor(options: ReviewAuthorizerOptions, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.name = options.name
    this.#options = options
    this.#cache = new DecisionCache(options.remembering, clock)
    this.#log = log
  }

  authorize(attributes: AuthorizationAttributes): Decision | Promise<Decision> {
    const spec = specOf(attributes)
    const { conditions } = this.#options
    try {
      if (conditions !== undefined && !conditions.match(spec)) return noOpinion()
    } catch (error) {
      return this.#failed(error as Error)
    }
    const question = questionOf(spec)
    return this.#cache.get(question) ?? this.#ask(spec, question)
  }

  rulesFor(): KnownRules {
    return this.#options.rules
  }

  async #ask(spec: SubjectAccessReviewSpec, question: string): Promise<Decision> {
    let status: ReviewStatus
    try {
      status = await this.#options.ask(spec)
      if (status.allowed && status.denied) throw new Error('webhook subject access review returned both allow and deny response')
    } catch (error) {
      this.#log.warn('An authorizer gave no answer', { authorizer: this.name, error: (error as Error).message })
      return this.#failed(error as Error)
    }
    const { allowed, denied, reason = '' } = status
    const decision: Decision = { decision: denied ? 'deny' : allowed ? 'allow' : 'no-opinion', reason }
    this.#cache.set(question, decision)
    return decision
  }

  #failed({ message }: Error): Decision {
    return { decision: this.#options.failurePolicy === 'Deny' ? 'deny' : 'no-opinion', reason: '', error: message }
  }
}
