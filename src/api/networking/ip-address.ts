import { isIP } from 'node:net'
import { deepEqual } from '#base'
import { name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { IPAddress } from '../generated/types.ts'
import { IMMUTABLE, invalidValue, required } from '../validation/findings.ts'

export const ipAddresses = defineResource<IPAddress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  scope: 'Cluster',
  names: { plural: 'ipaddresses', shortNames: ['ip'] },
  columns: [
    name,
    text('ParentRef', ({ spec }) => {
      const { group, resource, namespace, name: parent } = spec?.parentRef ?? {}
      const qualified = group ? `${resource}.${group}` : resource
      return [qualified, namespace, parent].filter((part) => part).join('/')
    }),
  ],
  *validateName(name) {
    // One address, one name: only the canonical spelling will do.
    const canonical = isIP(name) === 6 ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name
    if (isIP(name) === 0 || canonical !== name) yield 'must be a valid IP address in canonical form'
  },
  *validate({ spec }) {
    if (spec?.parentRef === undefined) {
      yield required('spec.parentRef')
      return
    }
    if (!spec.parentRef.resource) yield required('spec.parentRef.resource')
    if (!spec.parentRef.name) yield required('spec.parentRef.name')
  },
  *validateUpdate({ spec }, { spec: old }) {
    if (!deepEqual(spec?.parentRef, old?.parentRef)) yield invalidValue('spec.parentRef', spec?.parentRef, IMMUTABLE)
  },
  schema: 'io.k8s.api.networking.v1.IPAddress',
})
