import type { Service } from '../generated/types.ts'
import { addressWarnings, rangeWarnings } from '../validation/addresses.ts'

const HINTS = 'service.kubernetes.io/topology-aware-hints'

export function* serviceWarnings({ metadata, spec = {} }: Service): Iterable<string> {
  if (metadata?.annotations?.[HINTS] !== undefined)
    yield `annotation ${HINTS} is deprecated, please use service.kubernetes.io/topology-mode instead`
  const { type = 'ClusterIP', clusterIP = '', clusterIPs = [], externalIPs = [], loadBalancerIP = '' } = spec
  const isExternalName = type === 'ExternalName'
  const isHeadless = type === 'ClusterIP' && clusterIP === 'None'
  if (clusterIP !== '' && clusterIP !== 'None')
    for (const [index, ip] of clusterIPs.entries()) yield* addressWarnings(ip, `spec.clusterIPs[${index}]`)
  if (isHeadless) {
    if (loadBalancerIP !== '') yield 'spec.loadBalancerIP is ignored for headless services'
    if (externalIPs.length > 0) yield 'spec.externalIPs is ignored for headless services'
    if (spec.sessionAffinity !== 'None') yield 'spec.SessionAffinity is ignored for headless services'
  }
  for (const [index, ip] of externalIPs.entries()) yield* addressWarnings(ip, `spec.externalIPs[${index}]`)
  // https://kep.k8s.io/5707
  if (externalIPs.length > 0 && !isHeadless && !isExternalName)
    yield 'spec.externalIPs is deprecated and may no longer be implemented in some clusters'
  if (loadBalancerIP !== '') yield* addressWarnings(loadBalancerIP, 'spec.loadBalancerIP')
  for (const [index, range] of (spec.loadBalancerSourceRanges ?? []).entries())
    yield* rangeWarnings(range, `spec.loadBalancerSourceRanges[${index}]`)
  if (isExternalName && externalIPs.length > 0) yield 'spec.externalIPs is ignored when spec.type is "ExternalName"'
  if (!isExternalName && spec.externalName) yield 'spec.externalName is ignored when spec.type is not "ExternalName"'
  if (spec.trafficDistribution === 'PreferClose')
    yield 'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'
}

/** What a balancer says of itself, in the status of a Service or an Ingress. */
export function* balancerWarnings({
  status,
}: {
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } }
}): Iterable<string> {
  for (const [index, { ip }] of (status?.loadBalancer?.ingress ?? []).entries())
    if (ip) yield* addressWarnings(ip, `status.loadBalancer.ingress[${index}]`)
}
