import { isIP } from 'node:net'
import { canonicalAddress, numberOf, spelled } from './netip.ts'

export type IPFamily = 'IPv4' | 'IPv6'

/** A range of addresses of one family, to count in. */
export interface AddressRange {
  /** From its first address, in canonical spelling. */
  readonly cidr: string
  readonly family: IPFamily
  readonly bits: number
  /** As a number. */
  readonly first: bigint
  /** How many addresses it holds, the network's own and its last included. */
  readonly size: bigint
}

const WIDTH = { IPv4: 32, IPv6: 128 } as const

export const isIPFamily = (text: string): text is IPFamily => text === 'IPv4' || text === 'IPv6'

export const otherFamily = (family: IPFamily): IPFamily => (family === 'IPv4' ? 'IPv6' : 'IPv4')

/** Of an address or a range. */
export const ipFamilyOf = (text: string): IPFamily => (text.includes(':') ? 'IPv6' : 'IPv4')

/** Undefined for what is no range. Host bits are left out: `10.99.3.7/12` is `10.96.0.0/12`. */
export function parseRange(cidr: string): AddressRange | undefined {
  const [address = '', prefix = '', rest] = cidr.split('/')
  const family = ipFamilyOf(address)
  if (canonicalAddress(address) === undefined || !/^\d{1,3}$/.test(prefix) || rest !== undefined) return undefined
  const bits = Number(prefix)
  if (bits > WIDTH[family]) return undefined
  const rank = BigInt(WIDTH[family] - bits)
  const first = (numberOf(address) >> rank) << rank
  return { cidr: `${spelled(first, family)}/${bits}`, family, bits, first, size: 1n << rank }
}

/** The address `offset` places after the first. */
export const addressAt = ({ first, family }: AddressRange, offset: bigint): string => spelled(first + offset, family)

/** Undefined when the address is not of this range. */
export function offsetOf({ first, size, family }: AddressRange, address: string): bigint | undefined {
  if (isIP(address) !== (family === 'IPv4' ? 4 : 6) || address.includes('%')) return undefined
  const offset = numberOf(address) - first
  return offset >= 0n && offset < size ? offset : undefined
}

/** Ranges of `bits` within a range, by their place in it: `subrangeAt(10.244.0.0/16, 24, 1)` is `10.244.1.0/24`. */
export const subrangeAt = ({ first, family }: AddressRange, bits: number, index: bigint): string =>
  `${spelled(first + (index << BigInt(WIDTH[family] - bits)), family)}/${bits}`
