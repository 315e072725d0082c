import { defineResource } from '../define-resource.ts'
import type { SelfSubjectReview } from '../generated/types.ts'

export const selfSubjectReviews = defineResource<SelfSubjectReview>({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectReview',
  scope: 'Cluster',
  names: { plural: 'selfsubjectreviews' },
  verbs: ['create'],
  stored: false,
  schema: 'io.k8s.api.authentication.v1.SelfSubjectReview',
})
