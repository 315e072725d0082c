import { type ResourceDefinition, componentStatuses as resource } from '#api'
import { formOf } from '../presentation/form-of.ts'
import { includeObjectOf } from '../presentation/negotiate.ts'

import { tableOf } from '../presentation/table.ts'
import { replyObject } from '../response.ts'
import type { VirtualResource } from './types.ts'

/** Deprecated upstream since 1.19; answers for the one part this server knows of: its store. */
export const componentStatuses: VirtualResource = {
  resource: resource as unknown as ResourceDefinition,
  hasTable: true,
  async handle(context, { store, clock }) {
    const status = {
      kind: 'ComponentStatus',
      apiVersion: 'v1',
      metadata: { name: 'etcd-0' },
      conditions: [{ type: 'Healthy', status: store.revision >= 0 ? 'True' : 'False', message: 'ok' }],
    }
    const form = formOf(context)
    const list = context.info.verb === 'list'
    if (form.as === 'table') {
      const options = { version: form.version, includeObject: includeObjectOf(context.query), nowMs: clock.now() }
      return replyObject(200, tableOf(context.resource, [status], {}, options))
    }
    return replyObject(200, list ? { kind: 'ComponentStatusList', apiVersion: 'v1', metadata: {}, items: [status] } : status)
  },
}
