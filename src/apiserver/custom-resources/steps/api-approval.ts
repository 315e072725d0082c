import { withCondition, withoutCondition } from '../conditions.ts'
import type { Step } from './types.ts'

const ANNOTATION = 'api-approved.kubernetes.io'
const TYPE = 'KubernetesAPIApprovalPolicyConformant'

/** Groups of the Kubernetes project say where their API was approved. */
export const apiApproval: Step = ({ metadata, spec, status = {} }, { now }) => {
  if (!isProtectedGroup(spec.group)) return withoutCondition(status, TYPE)
  const value = metadata?.annotations?.[ANNOTATION] ?? ''
  const say = (truth: 'True' | 'False', reason: string, message: string) =>
    withCondition(status, { type: TYPE, status: truth, reason, message }, now)
  if (value === '') {
    return say(
      'False',
      'MissingAnnotation',
      `protected groups must have approval annotation "${ANNOTATION}", see https://github.com/kubernetes/enhancements/pull/1111`,
    )
  }
  if (value.startsWith('unapproved')) return say('False', 'UnapprovedAnnotation', `not approved: ${JSON.stringify(value)}`)
  if (isAddress(value)) return say('True', 'ApprovedAnnotation', `approved in ${value}`)
  return say(
    'False',
    'InvalidAnnotation',
    `protected groups must have approval annotation "${ANNOTATION}" with either a URL or a reason starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111`,
  )
}

const isProtectedGroup = (group: string): boolean => /(^|\.)(k8s|kubernetes)\.io$/.test(group)

const isAddress = (text: string): boolean => URL.canParse(text) && new URL(text).host !== ''
