import { NONE, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { IPAddress } from '../generated/types.ts'
import { immutable } from '../validation/common.ts'
import { complaints, required } from '../validation/findings.ts'
import { addressProblem } from '../validation/ip.ts'
import { pathSegmentName, subdomainName } from '../validation/names.ts'

export const ipAddresses = defineResource<IPAddress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  scope: 'Cluster',
  names: { plural: 'ipaddresses', shortNames: ['ip'] },
  columns: [
    name,
    text(
      'ParentRef',
      ({ spec }) => {
        if (spec?.parentRef === undefined) return NONE
        const { group, resource = '', namespace, name: parent } = spec.parentRef
        const qualified = (group ? `${resource}.${group}` : resource).toLowerCase()
        return [qualified, namespace, parent].filter((part) => part).join('/')
      },
      'networking.v1.IPAddressSpec#parentRef',
    ),
  ],
  // One address, one name: only the canonical spelling will do.
  *validateName(name) {
    const problem = addressProblem(name, true)
    if (problem !== undefined) yield problem
  },
  validate({ spec }, found) {
    const path = 'spec.parentRef'
    if (spec?.parentRef === undefined) {
      found.push(required(path))
      return
    }
    const { group, namespace, ...needed } = spec.parentRef
    if (group) complaints(subdomainName(group), group, `${path}.group`, found)
    for (const key of ['resource', 'name'] as const) {
      const value = needed[key]
      if (!value) found.push(required(`${path}.${key}`))
      else complaints(pathSegmentName(value), value, `${path}.${key}`, found)
    }
    if (namespace) complaints(pathSegmentName(namespace), namespace, `${path}.namespace`, found)
  },
  validateUpdate: ({ spec }, { spec: old }, found) => immutable(spec?.parentRef, old?.parentRef, 'spec.parentRef', found),
  schema: 'io.k8s.api.networking.v1.IPAddress',
})
