import { age, fewOf, NONE, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { Endpoints } from '../generated/types.ts'
import { addressWarnings } from '../validation/ip.ts'
import { validateEndpoints } from './validate-endpoints.ts'

export const endpoints = defineResource<Endpoints>({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  scope: 'Namespaced',
  names: { plural: 'endpoints', shortNames: ['ep'] },
  createsOnUpdate: true,
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  default(draft) {
    for (const { ports } of draft.subsets ?? []) for (const port of ports ?? []) port.protocol ||= 'TCP'
  },
  columns: [
    name,
    text(
      'Endpoints',
      (endpoints) => (endpoints.subsets?.length ? fewOf(addressesOf(endpoints), 3) : NONE),
      'core.v1.Endpoints#subsets',
    ),
    age,
  ],
  validate: (endpoints, found) => validateEndpoints(endpoints, undefined, found),
  validateUpdate: validateEndpoints,
  ratchets: true,
  warnings({ metadata, subsets }, _old, warnings) {
    // The controller writes addresses as they should be.
    if (metadata?.labels?.['endpoints.kubernetes.io/managed-by'] === 'endpoint-controller') return
    for (const [index, subset] of (subsets ?? []).entries()) {
      for (const list of ['addresses', 'notReadyAddresses'] as const)
        for (const [at, { ip }] of (subset[list] ?? []).entries())
          addressWarnings(ip, `subsets[${index}].${list}[${at}].ip`, warnings)
    }
  },
  schema: 'io.k8s.api.core.v1.Endpoints',
})

const addressesOf = ({ subsets }: Endpoints): string[] =>
  (subsets ?? []).flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0
      ? addresses.map(({ ip }) => ip)
      : ports.flatMap(({ port }) => addresses.map(({ ip }) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`))),
  )
