import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../generated/types.ts'
import { cidr, labelSelector, portOrName } from '../validation/common.ts'
import { type Findings, forbid, invalidValue, optionalOneOf, required, unsupported } from '../validation/findings.ts'

export function* validateNetworkPolicy({ spec }: NetworkPolicy): Findings {
  yield* labelSelector(spec?.podSelector, 'spec.podSelector')
  for (const [index, { ports, from }] of (spec?.ingress ?? []).entries()) {
    yield* validateRule(ports, from, `spec.ingress[${index}]`, 'from')
  }
  for (const [index, { ports, to }] of (spec?.egress ?? []).entries()) {
    yield* validateRule(ports, to, `spec.egress[${index}]`, 'to')
  }
  const types = spec?.policyTypes ?? []
  if (types.length > 2) yield invalidValue('spec.policyTypes', types, 'may not specify more than two policyTypes')
  for (const [index, type] of types.entries()) {
    if (type !== 'Ingress' && type !== 'Egress') yield unsupported(`spec.policyTypes[${index}]`, type, ['Egress', 'Ingress'])
  }
}

function* validateRule(
  ports: readonly NetworkPolicyPort[] | undefined,
  peers: readonly NetworkPolicyPeer[] | undefined,
  field: string,
  side: 'from' | 'to',
): Findings {
  for (const [index, { protocol, port, endPort }] of (ports ?? []).entries()) {
    const path = `${field}.ports[${index}]`
    yield* optionalOneOf(protocol, ['SCTP', 'TCP', 'UDP'], `${path}.protocol`)
    if (port !== undefined) yield* portOrName(port, `${path}.port`)
    if (endPort === undefined) continue
    if (port === undefined) yield invalidValue(`${path}.endPort`, endPort, 'may not be specified when `port` is not specified')
    else if (typeof port === 'string')
      yield invalidValue(`${path}.endPort`, endPort, 'may not be specified when `port` is non-numeric')
    else if (endPort < port) yield invalidValue(`${path}.endPort`, endPort, 'must be greater than or equal to `port`')
  }
  for (const [index, peer] of (peers ?? []).entries()) yield* validatePeer(peer, `${field}.${side}[${index}]`)
}

function* validatePeer({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer, path: string): Findings {
  if (podSelector === undefined && namespaceSelector === undefined && ipBlock === undefined) {
    yield required(path, 'must specify a peer')
  }
  if (ipBlock !== undefined) {
    if (podSelector !== undefined || namespaceSelector !== undefined)
      yield forbid(path, 'may not specify both ipBlock and another peer')
    if (!ipBlock.cidr) yield required(`${path}.ipBlock.cidr`)
    else yield* cidr(ipBlock.cidr, `${path}.ipBlock.cidr`)
    for (const [index, range] of (ipBlock.except ?? []).entries()) yield* cidr(range, `${path}.ipBlock.except[${index}]`)
  }
  yield* labelSelector(podSelector, `${path}.podSelector`)
  yield* labelSelector(namespaceSelector, `${path}.namespaceSelector`)
}
