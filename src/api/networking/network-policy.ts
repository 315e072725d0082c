import { age, formatSelector, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicySpec } from '../generated/types.ts'
import { rangeWarnings } from '../validation/ip.ts'
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
  columns: [
    name,
    text('Pod-Selector', ({ spec }) => formatSelector(spec?.podSelector), 'networking.v1.NetworkPolicySpec#podSelector'),
    age,
  ],
  validate: validateNetworkPolicy,
  warnings({ spec }, _old, warnings) {
    for (const [index, { from }] of (spec?.ingress ?? []).entries()) peerWarnings(from, `spec.ingress[${index}].from`, warnings)
    for (const [index, { to }] of (spec?.egress ?? []).entries()) peerWarnings(to, `spec.egress[${index}].to`, warnings)
  },
  schema: 'io.k8s.api.networking.v1.NetworkPolicy',
})

function peerWarnings(peers: readonly NetworkPolicyPeer[] | undefined, field: string, warnings: string[]): void {
  for (const [index, { ipBlock }] of (peers ?? []).entries()) {
    if (ipBlock === undefined) continue
    const path = `${field}[${index}].ipBlock`
    rangeWarnings(ipBlock.cidr, `${path}.cidr`, warnings)
    for (const [at, range] of (ipBlock.except ?? []).entries()) rangeWarnings(range, `${path}.except[${at}]`, warnings)
  }
}
