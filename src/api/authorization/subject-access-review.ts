import { defineResource } from '../define-resource.ts'
import type { SubjectAccessReview } from '../generated/types.ts'

export const subjectAccessReviews = defineResource<SubjectAccessReview>({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SubjectAccessReview',
  scope: 'Cluster',
  names: { plural: 'subjectaccessreviews' },
  verbs: ['create'],
  stored: false,
  schema: 'io.k8s.api.authorization.v1.SubjectAccessReview',
})
