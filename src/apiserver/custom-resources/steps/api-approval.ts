import { approvalOf, isProtectedGroup } from '#api'
import { withCondition, withoutCondition } from '../conditions.ts'
import type { Step } from './types.ts'

const TYPE = 'KubernetesAPIApprovalPolicyConformant'
const REASONS = {
  Missing: 'MissingAnnotation',
  Unapproved: 'UnapprovedAnnotation',
  Approved: 'ApprovedAnnotation',
  Invalid: 'InvalidAnnotation',
} as const

/** Groups of the Kubernetes project say where their API was approved. */
export const apiApproval: Step = ({ metadata, spec, status = {} }, { now }) => {
  if (!isProtectedGroup(spec.group)) return withoutCondition(status, TYPE)
  const { state, reason: message } = approvalOf(metadata)
  const isApproved = state === 'Approved' ? 'True' : 'False'
  return withCondition(status, { type: TYPE, status: isApproved, reason: REASONS[state], message }, now)
}
