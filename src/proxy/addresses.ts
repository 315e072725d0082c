import { isIP } from 'node:net'

export type Family = 'IPv4' | 'IPv6'

/** The family of a literal address; undefined for anything else, which must never reach the kernel's rules. */
export function familyOf(address: string): Family | undefined {
  // A zone index (fe80::1%eth0) passes isIP but means nothing in a rule.
  if (address.includes('%')) return undefined
  const version = isIP(address)
  return version === 4 ? 'IPv4' : version === 6 ? 'IPv6' : undefined
}

/** `10.0.0.0/8` → its family; undefined when it is not a CIDR. */
export function cidrFamilyOf(cidr: string): Family | undefined {
  const [address = '', prefix = '', ...rest] = cidr.split('/')
  const family = familyOf(address)
  if (family === undefined || rest.length > 0 || !/^\d{1,3}$/.test(prefix)) return undefined
  return Number(prefix) <= (family === 'IPv4' ? 32 : 128) ? family : undefined
}

/** IPv6 in the one form the kernel's tools print, so that equal addresses are equal strings. */
export function canonicalAddress(address: string): string {
  return familyOf(address) === 'IPv6' ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address
}
