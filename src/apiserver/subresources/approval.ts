import type { CertificateSigningRequest } from '#api'
import { formatTime } from '#meta'
import { decodeBody, readObject } from '../registry/decode-body.ts'
import { reply } from '../response.ts'
import { applyPatch, patchTypeOf } from '../rest/patch.ts'
import { fieldValidationOf, isDryRun } from '../rest/write.ts'
import type { Subresource } from './types.ts'

/** `certificatesigningrequests/approval`: only the conditions of the status change. */
export const approval: Subresource = {
  name: 'approval',
  resources: ['certificatesigningrequests'],
  async handle(context, { registry, presenter, clock }) {
    const { info, resource } = context
    if (info.verb === 'get') return reply(200, presenter(context).one(await registry.get(resource, '', info.name)))
    const options = {
      contentType: context.headers['content-type'],
      fieldValidation: fieldValidationOf(context),
      warnings: context.warnings,
    }
    const type = info.verb === 'patch' ? patchTypeOf(options.contentType) : undefined
    const { value, duplicates } = await decodeBody(context.body, options)
    const version = await registry.update(context, info.name, {
      dryRun: isDryRun(context),
      subresource: 'approval',
      transform: (current) => {
        const document = type === undefined ? value : applyPatch(type, current, value, resource)
        const sent = readObject(document, duplicates, resource, options) as CertificateSigningRequest
        const now = formatTime(clock.now())
        const conditions = (sent.status?.conditions ?? []).map((each) => ({
          lastUpdateTime: now,
          lastTransitionTime: now,
          ...each,
        }))
        const request = current as CertificateSigningRequest
        return { ...request, status: { ...request.status, conditions } }
      },
    })
    return reply(200, presenter(context).one(version))
  },
}
