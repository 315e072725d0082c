import type { ObjectMeta } from '../generated/types.ts'

export const API_APPROVED = 'api-approved.kubernetes.io'

type State = 'Approved' | 'Unapproved' | 'Missing' | 'Invalid'

const NEEDED = `protected groups must have approval annotation "${API_APPROVED}"`
const SEE = 'see https://github.com/kubernetes/enhancements/pull/1111'

/** Groups that belong to the Kubernetes project. */
export const isProtectedGroup = (group: string): boolean => /(^|\.)(k8s|kubernetes)\.io$/.test(group)

/** What an annotation says of the approval of an API of the project, and why. */
export function approvalOf(metadata: ObjectMeta | undefined): {
  readonly state: State
  readonly value: string
  readonly reason: string
} {
  const value = metadata?.annotations?.[API_APPROVED] ?? ''
  if (value === '') return { state: 'Missing', value, reason: `${NEEDED}, ${SEE}` }
  if (value.startsWith('unapproved')) return { state: 'Unapproved', value, reason: `not approved: ${JSON.stringify(value)}` }
  if (URL.canParse(value) && new URL(value).host !== '') return { state: 'Approved', value, reason: `approved in ${value}` }
  return { state: 'Invalid', value, reason: `${NEEDED} with either a URL or a reason starting with "unapproved", ${SEE}` }
}
