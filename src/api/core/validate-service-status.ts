import type { LoadBalancerIngress, Service } from '../generated/types.ts'
import { complaints, type Findings, forbid, invalidValue, required, unsupported } from '../validation/findings.ts'
import { ipAddress, isReadableAddress } from '../validation/ip.ts'
import { subdomainName } from '../validation/names.ts'

const MODES = ['Proxy', 'VIP']

/** Where a balancer says that the Service may be found. */
export function validateServiceStatus({ spec, status }: Service, { status: old }: Service, found: Findings): void {
  const places = status?.loadBalancer?.ingress ?? []
  const path = 'status.loadBalancer.ingress'
  if (spec?.type !== 'LoadBalancer') {
    if (places.length > 0) found.push(forbid(path, "may only be used when `spec.type` is 'LoadBalancer'"))
    return
  }
  const kept = old?.loadBalancer?.ingress?.map(({ ip }) => ip ?? '')
  for (const [index, place] of places.entries()) {
    if (place.ip) ipAddress(place.ip, `${path}[${index}].ip`, found, kept)
    validateMode(place, `${path}[${index}].ipMode`, found)
    validateBalancerName(place.hostname, `${path}[${index}].hostname`, found)
  }
}

function validateMode({ ip, ipMode }: LoadBalancerIngress, field: string, found: Findings): void {
  if (ipMode === undefined) {
    if (ip) found.push(required(field, 'must be specified when `ip` is set'))
  } else if (!ip) found.push(forbid(field, 'may not be specified when `ip` is not set'))
  else if (!MODES.includes(ipMode)) found.push(unsupported(field, ipMode, MODES))
}

/** A balancer that has a name instead of an address. */
export function validateBalancerName(hostname: string | undefined, field: string, found: Findings): void {
  if (!hostname) return
  complaints(subdomainName(hostname), hostname, field, found)
  if (isReadableAddress(hostname)) found.push(invalidValue(field, hostname, 'must be a DNS name, not an IP address'))
}
