import { isIP } from 'node:net'

/** The one spelling of an address: RFC 5952 for IPv6. Undefined for what is none. */
export function canonicalAddress(text: string): string | undefined {
  const family = isIP(text)
  if (family === 0 || text.includes('%')) return undefined
  if (family === 4) return text
  const canonical = new URL(`http://[${text}]`).hostname.slice(1, -1)
  // Go shows an IPv4 address within IPv6 as such.
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical)
  if (mapped === null) return canonical
  const [high, low] = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)]
  return `::ffff:${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

/** What Go's `netip.ParseAddr` says of a text that is no address. */
const addressError = (text: string): string => `ParseAddr(${JSON.stringify(text)}): unable to parse IP`

/** What Go's `netip.ParsePrefix` says of a text that is no range; undefined when it is one. */
export function prefixError(text: string): string | undefined {
  const slash = text.lastIndexOf('/')
  const error = (why: string): string => `netip.ParsePrefix(${JSON.stringify(text)}): ${why}`
  if (slash < 0) return error("no '/'")
  const [address, bits] = [text.slice(0, slash), text.slice(slash + 1)]
  const family = isIP(address)
  if (family === 0) return error(addressError(address))
  if (address.includes('%')) return error('IPv6 zones cannot be present in a prefix')
  if (!/^(0|[1-9][0-9]*)$/.test(bits)) return error(`bad bits after slash: ${JSON.stringify(bits)}`)
  return Number(bits) > (family === 4 ? 32 : 128) ? error('prefix length out of range') : undefined
}

/** The first address of a range, in its canonical spelling. */
export function firstAddress(range: string): string {
  const [address = '', bits = ''] = range.split('/')
  const wide = isIP(address) === 4 ? 32 : 128
  const rest = BigInt(wide - Number(bits))
  return spelled((numberOf(address) >> rest) << rest, isIP(address) === 4 ? 'IPv4' : 'IPv6')
}

/** The address of a number, in its canonical spelling. */
export const spelled = (value: bigint, family: 'IPv4' | 'IPv6'): string =>
  family === 'IPv4' ? quads(value) : canonicalAddress(groups(value))!

const quads = (value: bigint): string => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')

const groups = (value: bigint): string =>
  Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16)).join(':')

/** An address as a number; of what is one. */
export function numberOf(address: string): bigint {
  if (isIP(address) === 4) return address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n)
  // A URL spells an IPv4 tail in groups too.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const [front, back] = [head, tail ?? ''].map((part) => (part === '' ? [] : part.split(':')))
  const middle = tail === undefined ? [] : new Array<string>(8 - front!.length - back!.length).fill('0')
  return [...front!, ...middle, ...back!].reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n)
}
