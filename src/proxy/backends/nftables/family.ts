import type { Family } from '../../addresses.ts'

/** The words that differ between the rules of the two address families. */
export interface FamilyWords {
  readonly family: Family
  /** Of the table, the address expressions and dnat. */
  readonly ip: 'ip' | 'ip6'
  readonly addressType: 'ipv4_addr' | 'ipv6_addr'
  readonly reject: string
  readonly multicast: string
  /** An address with a port in a dnat statement. */
  readonly join: (address: string, port: number) => string
}

export const ipv4: FamilyWords = {
  family: 'IPv4',
  ip: 'ip',
  addressType: 'ipv4_addr',
  reject: 'reject with icmp type port-unreachable',
  multicast: '224.0.0.0/4',
  join: (address, port) => `${address}:${port}`,
}

export const ipv6: FamilyWords = {
  family: 'IPv6',
  ip: 'ip6',
  addressType: 'ipv6_addr',
  reject: 'reject with icmpv6 type port-unreachable',
  multicast: 'ff00::/8',
  join: (address, port) => `[${address}]:${port}`,
}
