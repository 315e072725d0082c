import { BlockList, isIP } from 'node:net'
import type { ValidationContext } from '../definition.ts'
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../generated/types.ts'
import { labelSelector, portOrName } from '../validation/common.ts'
import { type Findings, forbid, invalidValue, optionalOneOf, required, unsupported } from '../validation/findings.ts'
import { cidr, plainRange } from '../validation/ip.ts'
import { NONE } from '../validation/names.ts'

export function validateNetworkPolicy({ spec }: NetworkPolicy, found: Findings, { old }: ValidationContext<NetworkPolicy>): void {
  const kept = old === undefined ? NONE : rangesOf(old)
  labelSelector(spec?.podSelector, 'spec.podSelector', found)
  for (const [index, { ports, from }] of (spec?.ingress ?? []).entries()) {
    validateRule(ports, from, `spec.ingress[${index}]`, 'from', kept, found)
  }
  for (const [index, { ports, to }] of (spec?.egress ?? []).entries()) {
    validateRule(ports, to, `spec.egress[${index}]`, 'to', kept, found)
  }
  const types = spec?.policyTypes ?? []
  if (types.length > 2) {
    found.push(invalidValue('spec.policyTypes', types, 'may not specify more than two policyTypes'))
    return
  }
  for (const [index, type] of types.entries()) {
    if (type !== 'Ingress' && type !== 'Egress')
      found.push(unsupported(`spec.policyTypes[${index}]`, type, ['Ingress', 'Egress']))
  }
}

/** Every range that a policy has anywhere. */
function rangesOf({ spec }: NetworkPolicy): string[] {
  const peers = [...(spec?.ingress ?? []).flatMap(({ from = [] }) => from), ...(spec?.egress ?? []).flatMap(({ to = [] }) => to)]
  return peers.flatMap(({ ipBlock }) => (ipBlock === undefined ? [] : [ipBlock.cidr, ...(ipBlock.except ?? [])]))
}

function validateRule(
  ports: readonly NetworkPolicyPort[] | undefined,
  peers: readonly NetworkPolicyPeer[] | undefined,
  field: string,
  side: 'from' | 'to',
  kept: readonly string[],
  found: Findings,
): void {
  for (const [index, each] of (ports ?? []).entries()) validatePort(each, `${field}.ports[${index}]`, found)
  for (const [index, peer] of (peers ?? []).entries()) validatePeer(peer, `${field}.${side}[${index}]`, kept, found)
}

function validatePort({ protocol, port, endPort }: NetworkPolicyPort, path: string, found: Findings): void {
  optionalOneOf(protocol, ['TCP', 'UDP', 'SCTP'], `${path}.protocol`, found)
  if (endPort !== undefined && port === undefined)
    found.push(invalidValue(`${path}.endPort`, endPort, 'may not be specified when `port` is not specified'))
  if (endPort !== undefined && typeof port === 'string')
    found.push(invalidValue(`${path}.endPort`, endPort, 'may not be specified when `port` is non-numeric'))
  if (port !== undefined) portOrName(port, `${path}.port`, found)
  if (endPort === undefined || typeof port !== 'number') return
  if (endPort < port) found.push(invalidValue(`${path}.endPort`, endPort, 'must be greater than or equal to `port`'))
  portOrName(endPort, `${path}.endPort`, found)
}

function validatePeer(
  { podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer,
  path: string,
  kept: readonly string[],
  found: Findings,
): void {
  labelSelector(podSelector, `${path}.podSelector`, found)
  labelSelector(namespaceSelector, `${path}.namespaceSelector`, found)
  if (ipBlock !== undefined) validateBlock(ipBlock, `${path}.ipBlock`, kept, found)
  if (podSelector !== undefined || namespaceSelector !== undefined) {
    if (ipBlock !== undefined) found.push(forbid(path, 'may not specify both ipBlock and another peer'))
  } else if (ipBlock === undefined) found.push(required(path, 'must specify a peer'))
}

function validateBlock({ cidr: whole, except = [] }: IPBlock, field: string, kept: readonly string[], found: Findings): void {
  if (!whole) {
    found.push(required(`${field}.cidr`))
    return
  }
  cidr(whole, `${field}.cidr`, found, kept)
  const outer = plainRange(whole)
  if (outer === undefined) return
  for (const [index, part] of except.entries()) {
    cidr(part, `${field}.except[${index}]`, found, kept)
    const inner = plainRange(part)
    // However they are spelled.
    if (inner !== undefined && !isWithin(inner, outer))
      found.push(invalidValue(`${field}.except[${index}]`, part, 'must be a strict subset of `cidr`'))
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
