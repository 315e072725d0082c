import { defineResource } from '../define-resource.ts'
import type { IPAddress } from '../generated/types.ts'

export const ipAddresses = defineResource<IPAddress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  scope: 'Cluster',
  names: { plural: 'ipaddresses', shortNames: ['ip'] },
  schema: 'io.k8s.api.networking.v1.IPAddress',
})
