import { isIP } from 'node:net'
import { canonicalAddress, firstAddress, prefixError } from '../networking/netip.ts'
import { type Findings, invalidValue } from './findings.ts'
import { NONE } from './names.ts'

/**
 * An address in a field that once took more than it should: leading zeros, which some programs read as octal, and IPv4 in the clothes of IPv6. What an object
 * has of these it may keep (`kept`); nothing new of the kind comes in (KEP-4858).
 */
export function ipAddress(value: string, field: string, found: Findings, kept: readonly string[] = NONE): void {
  if (isIP(value) === 4 || kept.includes(value)) return
  const problem = addressProblem(value)
  if (problem !== undefined) found.push(invalidValue(field, value, problem))
}

/** What is wrong with an address, if anything is; of one in the one spelling when it must be (`strict`). */
export function addressProblem(value: string, strict = false): string | undefined {
  const plain = plainAddress(value)
  if (plain === undefined) return 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
  if (isIP(value) === 0) return 'must not have leading 0s'
  if (mappedAddress(plain) !== undefined) return 'must not be an IPv4-mapped IPv6 address'
  return strict ? spellingProblem(value, plain) : undefined
}

const spellingProblem = (value: string, canonical: string): string | undefined =>
  value === canonical ? undefined : `must be in canonical form (${JSON.stringify(canonical)})`

/** Whether it is an address however it is spelled. */
export const isReadableAddress = (text: string): boolean => plainAddress(text) !== undefined

/** A range in such a field, whose address must be its first. */
export function cidr(value: string, field: string, found: Findings, kept: readonly string[] = NONE): void {
  if (kept.includes(value)) return
  const problem = rangeProblem(value)
  if (problem !== undefined) found.push(invalidValue(field, value, problem))
}

/** The same as of an address. */
export function rangeProblem(value: string, strict = false): string | undefined {
  const plain = plainRange(value)
  if (plain === undefined) return 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'
  if (prefixError(value) !== undefined) return 'must not have leading 0s in IP or prefix length'
  if (mappedAddress(addressOf(plain)) !== undefined) return 'must not have an IPv4-mapped IPv6 address'
  if (firstAddress(plain) !== addressOf(plain)) return 'must not have bits set beyond the prefix length'
  return strict ? spellingProblem(value, plain) : undefined
}

/** An address with the size of its network, in the one spelling. */
export function interfaceAddress(value: string, field: string, found: Findings): void {
  const plain = plainRange(value)
  if (plain === undefined) {
    found.push(invalidValue(field, value, 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)'))
    return
  }
  const [address, bits] = plain.split('/') as [string, string]
  const mapped = mappedAddress(address)
  const size = mapped !== undefined && Number(bits) > IPV4_BITS ? Number(bits) - MAPPED_BITS : Number(bits)
  const problem = spellingProblem(value, `${mapped ?? address}/${size}`)
  if (problem !== undefined) found.push(invalidValue(field, value, problem))
}

/** Whether the addresses are all readable, and not more than one of each family. */
export function areOneOfEachFamily(addresses: readonly string[]): boolean {
  const families = addresses.map((address) => {
    const plain = plainAddress(address)
    return plain === undefined ? undefined : mappedAddress(plain) === undefined ? isIP(plain) : 4
  })
  return !families.includes(undefined) && new Set(families).size === families.length
}

/** Spellings that some programs read otherwise than others. */
export function addressWarnings(ip: string, field: string, warnings: string[]): void {
  const plain = plainAddress(ip)
  if (plain === undefined) return
  const mapped = mappedAddress(plain)
  if (isIP(ip) === 0 || mapped !== undefined)
    warnings.push(`${field}: non-standard IP address "${ip}" is invalid: use "${mapped ?? plain}"`)
  else if (plain !== ip) warnings.push(`${field}: IPv6 address "${ip}" should be in RFC 5952 canonical format ("${plain}")`)
}

/** The same of ranges, and of those that say an address where a range belongs. */
export function rangeWarnings(range: string, field: string, warnings: string[]): void {
  const plain = plainRange(range)
  if (plain === undefined) return
  const [address, first, bits] = [addressOf(plain), firstAddress(plain), Number(plain.split('/')[1])]
  const mapped = mappedAddress(first)
  const canonical = mapped === undefined ? `${first}/${bits}` : `${mapped}/${bits - MAPPED_BITS}`
  if (address !== first) {
    const single = `${mappedAddress(address) ?? address}/${isIP(address) === 4 ? 32 : 128}`
    warnings.push(`${field}: CIDR value "${range}" is ambiguous in this context (should be "${canonical}" or "${single}"?)`)
  }
  if (prefixError(range) !== undefined || mapped !== undefined)
    warnings.push(`${field}: non-standard CIDR value "${range}" is invalid: use "${canonical}"`)
  else if (address === first && range !== canonical)
    warnings.push(`${field}: IPv6 CIDR value "${range}" should be in RFC 5952 canonical format ("${canonical}")`)
}

/** What stands before an IPv4 address that is written as one of IPv6. */
const MAPPED_BITS = 96
const IPV4_BITS = 32

const mappedAddress = (canonical: string): string | undefined => /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(canonical)?.[1]

const addressOf = (range: string): string => range.slice(0, range.lastIndexOf('/'))

/** `010.1.2.3` and `::00001` without the zeros that mean nothing, in the one spelling of addresses; undefined for what is none. */
function plainAddress(text: string): string | undefined {
  if (isIP(text) !== 0) return canonicalAddress(text)
  const bare = text
    .split(':')
    .map((part) => (part.includes('.') ? part.replace(/(^|\.)0+(?=\d)/g, '$1') : part.replace(/^0+(?=[0-9a-fA-F])/, '')))
    .join(':')
  return canonicalAddress(bare)
}

/** The same of a range; undefined for what is none. */
export function plainRange(text: string): string | undefined {
  const slash = text.indexOf('/')
  const bits = text.slice(slash + 1)
  const address = slash < 0 ? undefined : plainAddress(text.slice(0, slash))
  if (address === undefined || !/^\d{1,5}$/.test(bits) || Number(bits) > (isIP(address) === 4 ? 32 : 128)) return undefined
  return `${address}/${Number(bits)}`
}
