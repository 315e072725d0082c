import type { CertificateSigningRequest } from '#api'
import { formatTime } from '#meta'
import { reply } from '../response.ts'
import { writePart } from '../rest/part.ts'
import type { Subresource } from './types.ts'

/** `certificatesigningrequests/approval`: only the conditions of the status change. */
export const approval: Subresource = {
  name: 'approval',
  resources: ['certificatesigningrequests'],
  async handle(context, { registry, presenter, clock }) {
    const { info, resource } = context
    if (info.verb === 'get') return reply(200, presenter(context).one(await registry.get(resource, '', info.name)))
    const version = await writePart<CertificateSigningRequest>(context, registry, (request, sent) => {
      const now = formatTime(clock.now())
      const conditions = (sent.status?.conditions ?? []).map((each) => ({
        lastUpdateTime: now,
        lastTransitionTime: now,
        ...each,
      }))
      return { ...request, status: { ...request.status, conditions } }
    })
    return reply(200, presenter(context).one(version))
  },
}
