import { type ResourceDefinition, selfSubjectReviews, type TokenReview, tokenReviews } from '#api'
import { badRequest, formatTime } from '#meta'
import { decodeBody, readObject } from '../registry/decode-body.ts'
import { replyObject } from '../response.ts'
import { decodeOptionsOf } from '../rest/write-options.ts'
import type { VirtualResource } from './types.ts'

/** Whose token is this? */
export const tokenReview: VirtualResource = {
  resource: tokenReviews as unknown as ResourceDefinition,
  async handle(context, { authentication }) {
    const options = decodeOptionsOf(context)
    const body = readObject(await decodeBody(context.body, options), context.resource, options) as TokenReview
    if (!body.spec?.token) throw badRequest('token is required for TokenReview in authentication')
    const wanted = body.spec.audiences?.length ? body.spec.audiences : undefined
    return replyObject(201, { ...body, status: await authentication.review(body.spec.token, wanted) })
  },
}

/** Who am I? */
export const selfSubjectReview: VirtualResource = {
  resource: selfSubjectReviews as unknown as ResourceDefinition,
  async handle({ user }, { clock }) {
    return replyObject(201, {
      kind: 'SelfSubjectReview',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { creationTimestamp: formatTime(clock.now()) },
      status: { userInfo: user },
    })
  },
}
