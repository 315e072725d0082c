import { defineResource } from '../define-resource.ts'
import type { LocalSubjectAccessReview } from '../generated/types.ts'

export const localSubjectAccessReviews = defineResource<LocalSubjectAccessReview>({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'LocalSubjectAccessReview',
  scope: 'Namespaced',
  names: { plural: 'localsubjectaccessreviews' },
  verbs: ['create'],
  stored: false,
  schema: 'io.k8s.api.authorization.v1.LocalSubjectAccessReview',
})
