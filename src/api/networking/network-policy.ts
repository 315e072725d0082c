import { defineResource } from '../define-resource.ts'
import type { NetworkPolicy } from '../generated/types.ts'

export const networkPolicies = defineResource<NetworkPolicy>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  scope: 'Namespaced',
  names: { plural: 'networkpolicies', shortNames: ['netpol'] },
  generation: true,
  schema: 'io.k8s.api.networking.v1.NetworkPolicy',
})
