import { age, fewOf, name, orNone, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { Endpoints } from '../generated/types.ts'
import { ipAddress } from '../validation/common.ts'
import { oneOf, port, required } from '../validation/findings.ts'

export const endpoints = defineResource<Endpoints>({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  scope: 'Namespaced',
  names: { plural: 'endpoints', shortNames: ['ep'] },
  default(draft) {
    for (const { ports } of draft.subsets ?? []) for (const port of ports ?? []) port.protocol ||= 'TCP'
  },
  columns: [name, text('Endpoints', (endpoints) => orNone(fewOf(addressesOf(endpoints), 3))), age],
  *validate({ subsets }) {
    for (const [index, { addresses = [], notReadyAddresses = [], ports = [] }] of (subsets ?? []).entries()) {
      const path = `subsets[${index}]`
      if (addresses.length === 0 && notReadyAddresses.length === 0) {
        yield required(path, 'must specify `addresses` or `notReadyAddresses`')
      }
      for (const [at, { ip }] of addresses.entries()) yield* ipAddress(ip ?? '', `${path}.addresses[${at}].ip`)
      for (const [at, { ip }] of notReadyAddresses.entries()) yield* ipAddress(ip ?? '', `${path}.notReadyAddresses[${at}].ip`)
      for (const [at, each] of ports.entries()) {
        if (ports.length > 1 && !each.name) yield required(`${path}.ports[${at}].name`)
        yield* port(each.port ?? 0, `${path}.ports[${at}].port`)
        yield* oneOf(each.protocol, ['SCTP', 'TCP', 'UDP'], `${path}.ports[${at}].protocol`)
      }
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
