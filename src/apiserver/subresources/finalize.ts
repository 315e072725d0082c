import type { Namespace } from '#api'
import { decodeBody, readObject } from '../registry/decode-body.ts'
import { checkWriteOptions } from '../registry/field-management.ts'
import { reply } from '../response.ts'
import { decodeOptionsOf, isDryRun } from '../rest/write-options.ts'
import type { Subresource } from './types.ts'

/** `namespaces/finalize`: how the namespace controller says that the content is gone. */
export const finalize: Subresource = {
  name: 'finalize',
  resources: ['namespaces'],
  async handle(context, { registry, presenter }) {
    const { info, resource } = context
    checkWriteOptions(context, 'UpdateOptions', false)
    const options = decodeOptionsOf(context)
    const sent = readObject(await decodeBody(context.body, options), resource, options) as Namespace
    const name = info.name || info.namespace
    const version = await registry.update(context, name, {
      dryRun: isDryRun(context),
      subresource: 'finalize',
      preconditions: { uid: sent.metadata?.uid, resourceVersion: sent.metadata?.resourceVersion },
      transform: (current) => ({ ...sent, status: (current as Namespace).status }) as Namespace,
    })
    return reply(200, presenter(context).one(version))
  },
}
