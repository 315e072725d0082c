import { type ResourceDefinition, componentStatuses as resource } from '#api'
import { negotiate } from '../presentation/negotiate.ts'
import { jsonBody } from '../presentation/presenter.ts'
import { tableOf } from '../presentation/table.ts'
import { reply } from '../response.ts'
import type { VirtualResource } from './types.ts'

/** Deprecated upstream since 1.19; answers for the one part this server knows of: its store. */
export const componentStatuses: VirtualResource = {
  resource: resource as unknown as ResourceDefinition,
  hasTable: true,
  async handle(context, { store, clock }) {
    context.warnings.push('v1 ComponentStatus is deprecated in v1.19+')
    const status = {
      kind: 'ComponentStatus',
      apiVersion: 'v1',
      metadata: { name: 'etcd-0' },
      conditions: [{ type: 'Healthy', status: store.revision >= 0 ? 'True' : 'False', message: 'ok' }],
    }
    const form = negotiate(context.headers['accept'], false)
    const list = context.info.verb === 'list'
    if (form.as === 'table') {
      return reply(
        200,
        jsonBody(
          tableOf(context.resource, [status], {}, { version: form.version, includeObject: 'Metadata', nowMs: clock.now() }),
        ),
      )
    }
    return reply(200, jsonBody(list ? { kind: 'ComponentStatusList', apiVersion: 'v1', metadata: {}, items: [status] } : status))
  },
}
