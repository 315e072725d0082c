import type { Attributes } from '../types.ts'
import { isExempt } from '../webhook/match.ts'

/** Questions about who may do what are never kept, and a policy that refused them would break the cluster. */
const QUESTIONS: Readonly<Record<string, readonly string[]>> = {
  'authentication.k8s.io': ['selfsubjectreviews', 'tokenreviews'],
  'authorization.k8s.io': [
    'localsubjectaccessreviews',
    'selfsubjectaccessreviews',
    'selfsubjectrulesreviews',
    'subjectaccessreviews',
  ],
}

/** What policies are not asked about. */
export const isUnjudged = (attributes: Attributes): boolean => {
  const { group, names } = attributes.resource
  return isExempt(attributes) || (QUESTIONS[group] ?? []).includes(names.plural)
}
