import { name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { IPAddress } from '../generated/types.ts'

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
  schema: 'io.k8s.api.networking.v1.IPAddress',
})
