import { isIPv4 } from 'node:net'

/** An IPv4 range as numbers. */
export interface Range {
  readonly cidr: string
  readonly first: number
  readonly size: number
}

export function parseRange(cidr: string): Range {
  const [address = '', bits = '32'] = cidr.split('/')
  const size = 2 ** (32 - Number(bits))
  const value = toNumber(address)
  return { cidr, first: value - (value % size), size }
}

export function addressAt({ first }: Range, offset: number): string {
  const value = first + offset
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')
}

/** Undefined when the address is not of this range. */
export function offsetOf({ first, size }: Range, address: string): number | undefined {
  if (!isIPv4(address)) return undefined
  const offset = toNumber(address) - first
  return offset >= 0 && offset < size ? offset : undefined
}

const toNumber = (address: string): number => address.split('.').reduce((value, octet) => value * 256 + Number(octet), 0)
