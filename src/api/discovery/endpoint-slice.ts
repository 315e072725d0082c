import { age, fewOf, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { EndpointSlice } from '../generated/types.ts'
import { immutable } from '../validation/common.ts'
import { addressWarnings } from '../validation/ip.ts'
import { validateEndpointSlice } from './validate-endpoint-slice.ts'

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
  columns: [
    name,
    text('AddressType', ({ addressType }) => addressType, 'discovery.v1.EndpointSlice#addressType'),
    text(
      'Ports',
      ({ ports }) =>
        fewOf(
          (ports ?? []).map(({ port, name: portName }) => `${port ?? portName ?? '*'}`),
          3,
        ) || '<unset>',
      'discovery.v1.EndpointSlice#ports',
    ),
    text(
      'Endpoints',
      ({ endpoints }) =>
        fewOf(
          (endpoints ?? []).flatMap(({ addresses }) => addresses),
          3,
        ) || '<unset>',
      'discovery.v1.EndpointSlice#endpoints',
    ),
    age,
  ],
  validate: (slice, found) => validateEndpointSlice(slice, undefined, found),
  validateUpdate(slice, old, found) {
    validateEndpointSlice(slice, old, found)
    immutable(slice.addressType, old.addressType, 'addressType', found)
  },
  ratchets: true,
  warnings({ metadata, addressType, endpoints }, old, warnings) {
    if (addressType === 'FQDN' && old === undefined) warnings.push('spec.addressType: FQDN endpoints are deprecated')
    // The controllers write addresses as they should be.
    if (CONTROLLERS.has(metadata?.labels?.['endpointslice.kubernetes.io/managed-by'] ?? '')) return
    if (addressType !== 'IPv4' && addressType !== 'IPv6') return
    for (const [index, { addresses = [] }] of (endpoints ?? []).entries())
      for (const [at, address] of addresses.entries()) addressWarnings(address, `endpoints[${index}].addresses[${at}]`, warnings)
  },
  schema: 'io.k8s.api.discovery.v1.EndpointSlice',
})

const CONTROLLERS = new Set(['endpointslice-controller.k8s.io', 'endpointslicemirroring-controller.k8s.io'])
