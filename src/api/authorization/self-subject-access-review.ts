import { defineResource } from '../define-resource.ts'
import type { SelfSubjectAccessReview } from '../generated/types.ts'

export const selfSubjectAccessReviews = defineResource<SelfSubjectAccessReview>({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectAccessReview',
  scope: 'Cluster',
  names: { plural: 'selfsubjectaccessreviews' },
  verbs: ['create'],
  stored: false,
  schema: 'io.k8s.api.authorization.v1.SelfSubjectAccessReview',
})
