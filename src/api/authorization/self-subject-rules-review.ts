import { defineResource } from '../define-resource.ts'
import type { SelfSubjectRulesReview } from '../generated/types.ts'

export const selfSubjectRulesReviews = defineResource<SelfSubjectRulesReview>({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectRulesReview',
  scope: 'Cluster',
  names: { plural: 'selfsubjectrulesreviews' },
  verbs: ['create'],
  stored: false,
  schema: 'io.k8s.api.authorization.v1.SelfSubjectRulesReview',
})
