import { BlockList, isIP } from 'node:net'
import { type Findings, invalidValue } from './findings.ts'
import { ipAddress } from './ip.ts'
import { NONE } from './names.ts'

/** Ranges that no packet from elsewhere may claim. */
const SPECIAL_RANGES: readonly (readonly [ranges: readonly string[], rule: string])[] = [
  [['127.0.0.0/8', '::1/128'], 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
  [['169.254.0.0/16', 'fe80::/10'], 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
  [['224.0.0.0/24', 'ff02::/16'], 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'],
]

/** An address that may lead into the cluster, or from it to an endpoint. What was there (`kept`) may be spelled as it was. */
export function validateExternalIP(ip: string, field: string, found: Findings, kept: readonly string[] = NONE): void {
  const before = found.length
  ipAddress(ip, field, found, kept)
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
