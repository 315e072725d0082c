import type { SubjectAccessReviewSpec } from '#api'
import type { Clock } from '#base'
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

/** What was decided lately, by the question; the one that was not used for longest makes room. */
export class DecisionCache {
  readonly #remembering: Remembering
  readonly #clock: Clock
  readonly #entries = new Map<string, { readonly decision: Decision; readonly until: number }>()

  constructor(remembering: Remembering, clock: Clock) {
    this.#remembering = remembering
    this.#clock = clock
  }

  get(question: string): Decision | undefined {
    const entry = this.#entries.get(question)
    if (entry === undefined) return undefined
    this.#entries.delete(question)
    if (entry.until <= this.#clock.now()) return undefined
    this.#entries.set(question, entry)
    return entry.decision
  }

  set(question: string, decision: Decision): void {
    const { authorizedMs, unauthorizedMs } = this.#remembering
    const ms = decision.decision === 'allow' ? authorizedMs : unauthorizedMs
    if (ms <= 0 || question.length > QUESTION_CHARS_MAX) return
    if (this.#entries.size >= ENTRIES_MAX) this.#entries.delete(this.#entries.keys().next().value!)
    this.#entries.set(question, { decision, until: this.#clock.now() + ms })
  }
}

export const questionOf = (spec: SubjectAccessReviewSpec): string => JSON.stringify(spec)
