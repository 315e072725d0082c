import type { MutatingWebhook } from '#api'
import type { AdmissionReview } from './review.ts'

/** Fields of a webhook that say when it is asked and what its answer means. */
export type HookRules = Pick<
  MutatingWebhook,
  'failurePolicy' | 'matchConditions' | 'matchPolicy' | 'namespaceSelector' | 'objectSelector' | 'reinvocationPolicy' | 'rules'
>

/** One webhook, wherever it runs. */
export interface Hook extends HookRules {
  /** Tells hooks apart whose names are the same: the configuration's, and the place in it. */
  readonly id: string
  readonly configuration: string
  readonly name: string
  readonly sideEffects: string
  /** In order of preference. */
  readonly reviewVersions: readonly string[]
  /** Sends the review and resolves, in time, with what came back, of which nothing is believed yet. Throws what went wrong. */
  call(review: AdmissionReview): Promise<unknown>
}

/** What upstream counts a webhook as that could not be asked: there was no answer, so this is nobody's code. */
export const UNAVAILABLE = 503

/** The webhook could not be asked, or answered nonsense: its failure policy decides what that means. */
export class CallError extends Error {
  override readonly name = 'CallError'
  /** As it is counted. */
  readonly code: number

  constructor(message: string, { code = UNAVAILABLE, ...options }: ErrorOptions & { readonly code?: number } = {}) {
    super(message, options)
    this.code = code
  }
}
