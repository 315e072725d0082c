import { age, fewOf, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { EndpointSlice } from '../generated/types.ts'
import { ipAddress } from '../validation/common.ts'
import { complaints, duplicateValue, IMMUTABLE, invalidValue, oneOf, required, tooMany } from '../validation/findings.ts'
import { dnsLabel, subdomainName } from '../validation/names.ts'

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
    text('AddressType', ({ addressType }) => addressType),
    text(
      'Ports',
      ({ ports }) =>
        fewOf(
          (ports ?? []).map(({ port }) => `${port ?? '*'}`),
          3,
        ) || '<unset>',
    ),
    text(
      'Endpoints',
      ({ endpoints }) =>
        fewOf(
          (endpoints ?? []).flatMap(({ addresses }) => addresses),
          3,
        ) || '<unset>',
    ),
    age,
  ],
  *validate({ addressType, endpoints, ports }) {
    yield* oneOf(addressType, ['FQDN', 'IPv4', 'IPv6'], 'addressType')
    yield* validateEndpoints(endpoints ?? [], addressType)
    const names = new Set<string>()
    for (const [index, { name = '', protocol }] of (ports ?? []).entries()) {
      if (names.has(name)) yield duplicateValue(`ports[${index}].name`, name)
      names.add(name)
      if (name !== '') yield* complaints(dnsLabel(name), name, `ports[${index}].name`)
      yield* oneOf(protocol, ['SCTP', 'TCP', 'UDP'], `ports[${index}].protocol`)
    }
  },
  *validateUpdate({ addressType }, old) {
    if (addressType !== old.addressType) yield invalidValue('addressType', addressType, IMMUTABLE)
  },
  schema: 'io.k8s.api.discovery.v1.EndpointSlice',
})

const ENDPOINTS_MAX = 1000
const ADDRESSES_MAX = 100

function* validateEndpoints(endpoints: readonly Endpoint[], addressType: string): Findings {
  if (endpoints.length > ENDPOINTS_MAX) yield tooMany('endpoints', endpoints.length, ENDPOINTS_MAX)
  for (const [index, { addresses = [] }] of endpoints.entries()) {
    const path = `endpoints[${index}].addresses`
    if (addresses.length === 0) yield required(path, 'must contain at least 1 address')
    else if (addresses.length > ADDRESSES_MAX) yield tooMany(path, addresses.length, ADDRESSES_MAX)
    for (const [at, address] of addresses.entries()) {
      if (addressType === 'FQDN') yield* complaints(subdomainName(address), address, `${path}[${at}]`)
      else yield* ipAddress(address, `${path}[${at}]`)
    }
  }
}

import type { Endpoint } from '../generated/types.ts'
import type { Findings } from '../validation/findings.ts'
