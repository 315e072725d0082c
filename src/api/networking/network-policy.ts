import { age, formatSelector, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { NetworkPolicy, NetworkPolicySpec } from '../generated/types.ts'
import { validateNetworkPolicy } from './validate-network-policy.ts'

export const networkPolicies = defineResource<NetworkPolicy>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  scope: 'Namespaced',
  names: { plural: 'networkpolicies', shortNames: ['netpol'] },
  generation: true,
  default(draft) {
    const spec = (draft.spec ??= {} as NetworkPolicySpec)
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
      for (const port of rule.ports ?? []) port.protocol ||= 'TCP'
    }
    if (spec.policyTypes?.length) return
    spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress']
  },
  columns: [name, text('Pod-Selector', ({ spec }) => formatSelector(spec?.podSelector)), age],
  validate: validateNetworkPolicy,
  schema: 'io.k8s.api.networking.v1.NetworkPolicy',
})
