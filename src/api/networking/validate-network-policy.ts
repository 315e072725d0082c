import { BlockList, isIP } from 'node:net'
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../generated/types.ts'
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
  if (types.length > 2) {
    yield invalidValue('spec.policyTypes', types, 'may not specify more than two policyTypes')
    return
  }
  for (const [index, type] of types.entries()) {
    if (type !== 'Ingress' && type !== 'Egress') yield unsupported(`spec.policyTypes[${index}]`, type, ['Ingress', 'Egress'])
  }
}

function* validateRule(
  ports: readonly NetworkPolicyPort[] | undefined,
  peers: readonly NetworkPolicyPeer[] | undefined,
  field: string,
  side: 'from' | 'to',
): Findings {
  for (const [index, each] of (ports ?? []).entries()) yield* validatePort(each, `${field}.ports[${index}]`)
  for (const [index, peer] of (peers ?? []).entries()) yield* validatePeer(peer, `${field}.${side}[${index}]`)
}

function* validatePort({ protocol, port, endPort }: NetworkPolicyPort, path: string): Findings {
  yield* optionalOneOf(protocol, ['TCP', 'UDP', 'SCTP'], `${path}.protocol`)
  if (endPort !== undefined && port === undefined)
    yield invalidValue(`${path}.endPort`, endPort, 'may not be specified when `port` is not specified')
  if (endPort !== undefined && typeof port === 'string')
    yield invalidValue(`${path}.endPort`, endPort, 'may not be specified when `port` is non-numeric')
  if (port !== undefined) yield* portOrName(port, `${path}.port`)
  if (endPort === undefined || typeof port !== 'number') return
  if (endPort < port) yield invalidValue(`${path}.endPort`, endPort, 'must be greater than or equal to `port`')
  yield* portOrName(endPort, `${path}.endPort`)
}

function* validatePeer({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer, path: string): Findings {
  yield* labelSelector(podSelector, `${path}.podSelector`)
  yield* labelSelector(namespaceSelector, `${path}.namespaceSelector`)
  if (ipBlock !== undefined) yield* validateBlock(ipBlock, `${path}.ipBlock`)
  if (podSelector !== undefined || namespaceSelector !== undefined) {
    if (ipBlock !== undefined) yield forbid(path, 'may not specify both ipBlock and another peer')
  } else if (ipBlock === undefined) yield required(path, 'must specify a peer')
}

function* validateBlock({ cidr: whole, except = [] }: IPBlock, field: string): Findings {
  if (!whole) {
    yield required(`${field}.cidr`)
    return
  }
  const own = [...cidr(whole, `${field}.cidr`)]
  yield* own
  if (own.length > 0) return
  for (const [index, part] of except.entries()) {
    const wrong = [...cidr(part, `${field}.except[${index}]`)]
    yield* wrong
    if (wrong.length === 0 && !isWithin(part, whole))
      yield invalidValue(`${field}.except[${index}]`, part, 'must be a strict subset of `cidr`')
  }
}

/** Whether a range lies in another one and is smaller. */
function isWithin(part: string, whole: string): boolean {
  const [network = '', bits = ''] = whole.split('/')
  const [address = '', smaller = ''] = part.split('/')
  const family = isIP(network) === 4 ? 'ipv4' : 'ipv6'
  if (isIP(address) !== isIP(network) || Number(bits) >= Number(smaller)) return false
  const range = new BlockList()
  range.addSubnet(network, Number(bits), family)
  return range.check(address, family)
}
