import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '#api'
import { formatTime } from '#meta'
import { reply } from '../response.ts'
import { writePart } from '../rest/part.ts'
import type { Subresource } from './types.ts'

/** `certificatesigningrequests/approval`: of the status, only the conditions change. */
export const approval: Subresource = {
  name: 'approval',
  resources: ['certificatesigningrequests'],
  async handle(context, { registry, presenter, clock }) {
    const { info, resource } = context
    if (info.verb === 'get') return reply(200, presenter(context).one(await registry.get(resource, '', info.name)))
    const version = await writePart<CertificateSigningRequest>(context, registry, (request, sent) => ({
      ...sent,
      spec: request.spec,
      status: { ...request.status, conditions: stamped(sent, request, formatTime(clock.now())) },
    }))
    return reply(200, presenter(context).one(version))
  },
}

/** Conditions with the times that were left out; one that says what it said before keeps the time of its last change. */
function stamped(
  sent: CertificateSigningRequest,
  { status }: CertificateSigningRequest,
  now: string,
): CertificateSigningRequestCondition[] {
  return (sent.status?.conditions ?? []).map((condition) => {
    const before = status?.conditions?.find(({ type, status: value }) => type === condition.type && value === condition.status)
    return { lastUpdateTime: now, lastTransitionTime: before?.lastTransitionTime ?? now, ...condition }
  })
}
