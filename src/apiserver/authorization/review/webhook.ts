import type { SubjectAccessReviewSpec } from '#api'
import type { Clock, Random } from '#base'
import { type Review, ReviewWebhook, type ReviewWebhookOptions } from '../../review-webhook.ts'
import type { ReviewStatus } from './authorizer.ts'

export interface WebhookOptions extends Omit<ReviewWebhookOptions, 'name'> {
  readonly version: 'v1' | 'v1beta1'
}

/** A server that answers SubjectAccessReviews. */
export class AuthorizationWebhook implements AsyncDisposable {
  readonly #version: WebhookOptions['version']
  readonly #webhook: ReviewWebhook

  constructor({ version, ...options }: WebhookOptions, dependencies: { readonly clock: Clock; readonly random: Random }) {
    this.#version = version
    this.#webhook = new ReviewWebhook({ ...options, name: 'authorization webhook' }, dependencies)
  }

  /** Tries again what may pass by itself; rejects with what was wrong the last time. */
  async ask(spec: SubjectAccessReviewSpec): Promise<ReviewStatus> {
    const { allowed, denied, reason } = await this.#webhook.ask(this.#reviewOf(spec))
    return { allowed: allowed === true, denied: denied === true, reason: typeof reason === 'string' ? reason : '' }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#webhook[Symbol.asyncDispose]()
  }

  /** The older version calls groups `group`. */
  #reviewOf({ groups = [], ...spec }: SubjectAccessReviewSpec): Review {
    return {
      kind: 'SubjectAccessReview',
      apiVersion: `authorization.k8s.io/${this.#version}`,
      metadata: {},
      spec: { ...spec, [this.#version === 'v1' ? 'groups' : 'group']: groups },
      status: { allowed: false },
    }
  }
}
