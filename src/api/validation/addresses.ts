import { BlockList, isIP } from 'node:net'
import { canonicalAddress, firstAddress, prefixError } from '../networking/netip.ts'
import { ipAddress } from './common.ts'
import { type Findings, invalidValue } from './findings.ts'

/** Ranges that no packet from elsewhere may claim. */
const SPECIAL_RANGES: readonly (readonly [ranges: readonly string[], rule: string])[] = [
  [['127.0.0.0/8', '::1/128'], 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
  [['169.254.0.0/16', 'fe80::/10'], 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
  [['224.0.0.0/24', 'ff02::/16'], 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'],
]

/** An address that may lead into the cluster, or from it to an endpoint. */
export function validateExternalIP(ip: string, field: string, found: Findings): void {
  const before = found.length
  ipAddress(ip, field, found)
  if (found.length > before) return
  if (isIn(ip, '0.0.0.0/32') || isIn(ip, '::/128')) found.push(invalidValue(field, ip, `may not be unspecified (${ip})`))
  for (const [ranges, rule] of SPECIAL_RANGES)
    if (ranges.some((range) => isIn(ip, range))) found.push(invalidValue(field, ip, rule))
}

/** An IPv4 address in the clothes of IPv6 (`::ffff:127.0.0.1`) leads to the same place. */
function isIn(ip: string, range: string): boolean {
  const [address = '', bits] = range.split('/')
  const list = new BlockList()
  list.addSubnet(address, Number(bits), familyOf(address))
  return list.check(ip, familyOf(ip))
}

const familyOf = (ip: string): 'ipv4' | 'ipv6' => (isIP(ip) === 6 ? 'ipv6' : 'ipv4')

/** Spellings that some programs read otherwise than others. */
export function addressWarnings(ip: string, field: string, warnings: string[]): void {
  const canonical = canonicalAddress(ip)
  const mapped = mappedAddress(canonical)
  if (mapped !== undefined)
    warnings.push(
      `${field}: non-standard IP address "${ip}" will be considered invalid in a future Kubernetes release: use "${mapped}"`,
    )
  else if (canonical !== undefined && canonical !== ip)
    warnings.push(`${field}: IPv6 address "${ip}" should be in RFC 5952 canonical format ("${canonical}")`)
}

/** The same of ranges, and of those that say an address where a range belongs. */
export function rangeWarnings(range: string, field: string, warnings: string[]): void {
  if (prefixError(range) !== undefined) return
  const [text = '', length = ''] = range.split('/')
  const [address, first, bits] = [canonicalAddress(text)!, firstAddress(range), Number(length)]
  const mapped = mappedAddress(first)
  const canonical = mapped === undefined ? `${first}/${bits}` : `${mapped}/${bits - MAPPED_BITS}`
  if (address !== first) {
    const single = `${mappedAddress(address) ?? address}/${isIP(text) === 4 ? 32 : 128}`
    warnings.push(`${field}: CIDR value "${range}" is ambiguous in this context (should be "${canonical}" or "${single}"?)`)
  }
  if (mapped !== undefined)
    warnings.push(
      `${field}: non-standard CIDR value "${range}" will be considered invalid in a future Kubernetes release: use "${canonical}"`,
    )
  else if (address === first && range !== canonical)
    warnings.push(`${field}: IPv6 CIDR value "${range}" should be in RFC 5952 canonical format ("${canonical}")`)
}

/** What stands before an IPv4 address that is written as one of IPv6. */
const MAPPED_BITS = 96

const mappedAddress = (canonical: string | undefined): string | undefined =>
  /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(canonical ?? '')?.[1]
