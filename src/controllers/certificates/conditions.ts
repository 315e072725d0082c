import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '#api'
import { formatTime } from '#meta'

type Condition = Readonly<CertificateSigningRequestCondition>

export const conditionOf = (
  { status }: CertificateSigningRequest,
  type: 'Approved' | 'Denied' | 'Failed',
): Condition | undefined => status?.conditions?.find((each) => each.type === type && each.status !== 'False')

export const isDecided = (request: CertificateSigningRequest): boolean =>
  conditionOf(request, 'Approved') !== undefined || conditionOf(request, 'Denied') !== undefined

/** The request with one more condition that is true from now. */
export function withCondition(
  request: CertificateSigningRequest,
  nowMs: number,
  condition: Pick<Condition, 'type' | 'reason' | 'message'>,
): CertificateSigningRequest {
  const added = { ...condition, status: 'True', lastUpdateTime: formatTime(nowMs), lastTransitionTime: formatTime(nowMs) }
  return { ...request, status: { ...request.status, conditions: [...(request.status?.conditions ?? []), added] } }
}
