import type { SubjectAccessReviewSpec } from '#api'
import type { Clock } from '#base'
import { ExpiringCache } from '../../expiring-cache.ts'
import type { Decision } from '../types.ts'

export interface Remembering {
  /** For how long what was allowed is remembered, in milliseconds; 0: not at all. */
  readonly authorizedMs: number
  readonly unauthorizedMs: number
}

/** As many decisions as upstream keeps. */
const ENTRIES_MAX = 8192
/** Of what a client can choose; longer questions are asked each time, so that nobody fills the memory. */
const QUESTION_CHARS_MAX = 10_000

/** What was decided lately, by the question. */
export class DecisionCache {
  readonly #remembering: Remembering
  readonly #decisions: ExpiringCache<Decision>

  constructor(remembering: Remembering, clock: Clock) {
    this.#remembering = remembering
    this.#decisions = new ExpiringCache(ENTRIES_MAX, clock)
  }

  get(question: string): Decision | undefined {
    return this.#decisions.get(question)
  }

  set(question: string, decision: Decision): void {
    const { authorizedMs, unauthorizedMs } = this.#remembering
    if (question.length > QUESTION_CHARS_MAX) return
    this.#decisions.set(question, decision, decision.decision === 'allow' ? authorizedMs : unauthorizedMs)
  }
}

export const questionOf = (spec: SubjectAccessReviewSpec): string => JSON.stringify(spec)
