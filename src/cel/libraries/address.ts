/** An IP address as 32 or 128 bits. */
export interface Address {
  readonly bits: bigint
  readonly length: 32 | 128
}

/** A text that is no address; the message is the reason. */
export class AddressError extends Error {
  override readonly name = 'AddressError'
}

/** What Go's netip.ParseAddr admits without a zone: no leading zeros in IPv4, any spelling of IPv6. */
export function parseAddress(text: string): Address {
  return text.includes(':') ? { bits: parseV6(text), length: 128 } : { bits: parseV4(text), length: 32 }
}

function parseV4(text: string): bigint {
  const fields = text.split('.')
  if (!/^[\d.]+$/.test(text)) throw new AddressError('unable to parse IP')
  if (fields.length !== 4) throw new AddressError(fields.length < 4 ? 'IPv4 address too short' : 'IPv4 address too long')
  return fields.reduce((bits, field) => {
    if (field === '') throw new AddressError('IPv4 field must have at least one digit')
    if (field.length > 1 && field.startsWith('0')) throw new AddressError('IPv4 field has octet with leading zero')
    if (field.length > 3 || Number(field) > 255) throw new AddressError('IPv4 field has value >255')
    return (bits << 8n) | BigInt(field)
  }, 0n)
}

function parseV6(text: string): bigint {
  const halves = text.split('::')
  if (halves.length > 2) throw new AddressError('multiple :: in address')
  const groups = halves.map((half, at) => groupsOf(half, at === halves.length - 1))
  const known = groups.reduce((count, each) => count + each.length, 0)
  if (halves.length === 1 && known !== 8)
    throw new AddressError(known < 8 ? 'address string too short' : 'trailing garbage after address')
  if (halves.length === 2 && known > 7) throw new AddressError('the :: must expand to at least one field of zeros')
  const zeros = new Array<bigint>(8 - known).fill(0n)
  return [...groups[0]!, ...zeros, ...(groups[1] ?? [])].reduce((bits, group) => (bits << 16n) | group, 0n)
}

function groupsOf(half: string, isLast: boolean): bigint[] {
  if (half === '') return []
  return half.split(':').flatMap((group, at, all) => {
    if (isLast && at === all.length - 1 && group.includes('.')) {
      const tail = parseV4(group)
      return [tail >> 16n, tail & 0xffffn]
    }
    if (group === '') throw new AddressError('each colon-separated field must have at least one digit')
    if (!/^[0-9a-fA-F]+$/.test(group)) throw new AddressError('unexpected character')
    if (group.length > 4) throw new AddressError('each group must have 4 or fewer digits')
    return [BigInt(`0x${group}`)]
  })
}

/** RFC 5952. */
export function formatAddress({ bits, length }: Address): string {
  if (length === 32) return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join('.')
  const groups = Array.from({ length: 8 }, (_, at) => Number((bits >> BigInt(112 - 16 * at)) & 0xffffn))
  const { start, size } = longestZeros(groups)
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(':')
  if (size < 2) return hex(groups)
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + size))}`
}

function longestZeros(groups: readonly number[]): { start: number; size: number } {
  let best = { start: 0, size: 0 }
  for (let start = 0; start < groups.length; start++) {
    let size = 0
    while (groups[start + size] === 0) size++
    if (size > best.size) best = { start, size }
  }
  return best
}

/** Whether the first `prefix` bits are those of `network`. */
export function isIn({ bits, length }: Address, network: Address, prefix: number): boolean {
  if (length !== network.length) return false
  const shift = BigInt(length - prefix)
  return bits >> shift === network.bits >> shift
}

/** ::ffff:0:0/96, where IPv4 is written as IPv6. */
export const isMapped = ({ bits, length }: Address): boolean => length === 128 && bits >> 32n === 0xffffn
