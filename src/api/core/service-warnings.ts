import type { Service } from '../generated/types.ts'
import { addressWarnings, rangeWarnings } from '../validation/ip.ts'

const HINTS = 'service.kubernetes.io/topology-aware-hints'

export function serviceWarnings({ metadata, spec = {} }: Service, warnings: string[]): void {
  if (metadata?.annotations?.[HINTS] !== undefined)
    warnings.push(`annotation ${HINTS} is deprecated, please use service.kubernetes.io/topology-mode instead`)
  const { type = 'ClusterIP', clusterIP = '', clusterIPs = [], externalIPs = [], loadBalancerIP = '' } = spec
  const isExternalName = type === 'ExternalName'
  const isHeadless = type === 'ClusterIP' && clusterIP === 'None'
  if (clusterIP !== '' && clusterIP !== 'None')
    for (const [index, ip] of clusterIPs.entries()) addressWarnings(ip, `spec.clusterIPs[${index}]`, warnings)
  if (isHeadless) {
    if (loadBalancerIP !== '') warnings.push('spec.loadBalancerIP is ignored for headless services')
    if (externalIPs.length > 0) warnings.push('spec.externalIPs is ignored for headless services')
    if (spec.sessionAffinity !== 'None') warnings.push('spec.SessionAffinity is ignored for headless services')
  }
  for (const [index, ip] of externalIPs.entries()) addressWarnings(ip, `spec.externalIPs[${index}]`, warnings)
  // https://kep.k8s.io/5707
  if (externalIPs.length > 0 && !isHeadless && !isExternalName)
    warnings.push('spec.externalIPs is deprecated and may no longer be implemented in some clusters')
  if (loadBalancerIP !== '') addressWarnings(loadBalancerIP, 'spec.loadBalancerIP', warnings)
  for (const [index, range] of (spec.loadBalancerSourceRanges ?? []).entries())
    rangeWarnings(range, `spec.loadBalancerSourceRanges[${index}]`, warnings)
  if (isExternalName && externalIPs.length > 0) warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"')
  if (!isExternalName && spec.externalName) warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"')
  if (spec.trafficDistribution === 'PreferClose')
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
}

/** What a balancer says of itself, in the status of a Service or an Ingress. */
export function balancerWarnings(
  {
    status,
  }: {
    readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } }
  },
  warnings: string[],
): void {
  for (const [index, { ip }] of (status?.loadBalancer?.ingress ?? []).entries())
    if (ip) addressWarnings(ip, `status.loadBalancer.ingress[${index}]`, warnings)
}
