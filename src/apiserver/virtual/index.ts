import {
  localSubjectAccessReview,
  selfSubjectAccessReview,
  selfSubjectRulesReview,
  subjectAccessReview,
} from './access-reviews.ts'
import { bindings } from './bindings.ts'
import { componentStatuses } from './component-statuses.ts'
import { selfSubjectReview, tokenReview } from './identity-reviews.ts'
import type { VirtualResource } from './types.ts'

export const virtualResources: readonly VirtualResource[] = [
  bindings,
  componentStatuses,
  localSubjectAccessReview,
  selfSubjectAccessReview,
  selfSubjectReview,
  selfSubjectRulesReview,
  subjectAccessReview,
  tokenReview,
]
