import { defineResource } from '../define-resource.ts'
import type { EndpointSlice } from '../generated/types.ts'

export const endpointSlices = defineResource<EndpointSlice>({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  scope: 'Namespaced',
  names: { plural: 'endpointslices' },
  generation: true,
  default(draft) {
    for (const port of draft.ports ?? []) {
      port.name ??= ''
      port.protocol ||= 'TCP'
    }
    for (const endpoint of draft.endpoints ?? []) endpoint.conditions ??= {}
  },
  schema: 'io.k8s.api.discovery.v1.EndpointSlice',
})
