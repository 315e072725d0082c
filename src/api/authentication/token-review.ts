import { defineResource } from '../define-resource.ts'
import type { TokenReview } from '../generated/types.ts'

export const tokenReviews = defineResource<TokenReview>({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenReview',
  scope: 'Cluster',
  names: { plural: 'tokenreviews' },
  verbs: ['create'],
  stored: false,
  schema: 'io.k8s.api.authentication.v1.TokenReview',
})
