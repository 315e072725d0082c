import { goQuote } from '#base'

/** An IP address as 32 or 128 bits. */
export interface Address {
  readonly bits: bigint
  readonly length: 32 | 128
}

export interface ParsedAddress extends Address {
  /** What an IPv6 address has behind `%`. */
  readonly zone: string
}

/** A text that is no address, in the words of Go's netip.ParseAddr. */
export class AddressError extends Error {
  override readonly name = 'AddressError'
  readonly text: string
  readonly reason: string
  /** What was not read. */
  readonly rest: string

  constructor(text: string, reason: string, rest = '') {
    super(told({ text, reason, rest }, goQuote))
    this.text = text
    this.reason = reason
    this.rest = rest
  }
}

/** An {@link AddressError} with its texts shown in another way. */
export const told = (
  { text, reason, rest }: Pick<AddressError, 'text' | 'reason' | 'rest'>,
  quote: (text: string) => string,
): string => `ParseAddr(${quote(text)}): ${reason}${rest === '' ? '' : ` (at ${quote(rest)})`}`

/** What Go's netip.ParseAddr admits: no leading zeros in IPv4, any spelling of IPv6. Throws {@link AddressError}. */
export function parseAddress(text: string): ParsedAddress {
  switch (/[.:%]/.exec(text)?.[0]) {
    case '.':
      return { bits: parseV4(text, text), length: 32, zone: '' }
    case ':':
      return new V6Parser(text).parse()
    case '%':
      throw new AddressError(text, 'missing IPv6 address')
    default:
      throw new AddressError(text, 'unable to parse IP')
  }
}

/** `field` is what is read of `text`. */
function parseV4(text: string, field: string): bigint {
  const problem = (reason: string, at?: number): AddressError =>
    new AddressError(text, reason, at === undefined ? '' : field.slice(at))
  const octets = [0]
  let digits = 0
  for (let at = 0; at < field.length; at++) {
    const character = field[at]!
    const value = octets.at(-1)!
    if (isDigit(character)) {
      if (digits === 1 && value === 0) throw problem('IPv4 field has octet with leading zero')
      octets[octets.length - 1] = value * 10 + Number(character)
      digits++
      if (octets.at(-1)! > 255) throw problem('IPv4 field has value >255')
    } else if (character === '.') {
      if (digits === 0 || at === field.length - 1) throw problem('IPv4 field must have at least one digit', at)
      if (octets.length === 4) throw problem('IPv4 address too long')
      octets.push(0)
      digits = 0
    } else throw problem('unexpected character', at)
  }
  if (octets.length < 4) throw problem('IPv4 address too short')
  return octets.reduce((bits, octet) => (bits << 8n) | BigInt(octet), 0n)
}

const isDigit = (character: string): boolean => character >= '0' && character <= '9'

/** Reads groups of 16 bits from the left, and the last two as IPv4 where a dot follows. */
class V6Parser {
  readonly #text: string
  readonly #zone: string
  readonly #groups: bigint[] = []
  #rest: string
  /** How many groups stand before `::`. */
  #ellipsis: number | undefined

  constructor(text: string) {
    this.#text = text
    const [address = '', ...zone] = text.split('%')
    this.#rest = address
    this.#zone = zone.join('%')
  }

  parse(): ParsedAddress {
    if (this.#text.includes('%') && this.#zone === '') throw this.#problem('zone must be a non-empty string', '')
    if (this.#rest.startsWith('::')) {
      this.#ellipsis = 0
      this.#rest = this.#rest.slice(2)
    }
    let hasMore = this.#ellipsis === undefined || this.#rest !== ''
    while (hasMore) hasMore = this.#group() && this.#groups.length < 8
    if (this.#rest !== '') throw this.#problem('trailing garbage after address')
    return { bits: this.#bits(), length: 128, zone: this.#zone }
  }

  /** Reads a group and what parts it from the next; whether there is a next. */
  #group(): boolean {
    const group = /^[0-9a-fA-F]*/.exec(this.#rest)![0]
    if (group.length > 4) throw this.#problem('each group must have 4 or less digits')
    if (group === '') throw this.#problem('each colon-separated field must have at least one digit')
    const behind = this.#rest.slice(group.length)
    if (behind.startsWith('.')) return this.#embedded()
    this.#groups.push(BigInt(`0x${group}`))
    this.#rest = behind
    if (behind === '') return false
    if (!behind.startsWith(':')) throw this.#problem('unexpected character, want colon')
    if (behind === ':') throw this.#problem('colon must be followed by more characters')
    this.#rest = behind.slice(1)
    if (!this.#rest.startsWith(':')) return true
    if (this.#ellipsis !== undefined) throw this.#problem('multiple :: in address')
    this.#ellipsis = this.#groups.length
    this.#rest = this.#rest.slice(1)
    return this.#rest !== ''
  }

  #embedded(): false {
    if (this.#ellipsis === undefined && this.#groups.length !== 6)
      throw this.#problem('embedded IPv4 address must replace the final 2 fields of the address')
    if (this.#groups.length > 6) throw this.#problem('too many hex fields to fit an embedded IPv4 at the end of the address')
    const tail = parseV4(this.#text, this.#rest)
    this.#groups.push(tail >> 16n, tail & 0xffffn)
    this.#rest = ''
    return false
  }

  #bits(): bigint {
    const missing = 8 - this.#groups.length
    if (missing > 0 && this.#ellipsis === undefined) throw this.#problem('address string too short')
    if (missing === 0 && this.#ellipsis !== undefined) throw this.#problem('the :: must expand to at least one field of zeros')
    this.#groups.splice(this.#ellipsis ?? 0, 0, ...new Array<bigint>(missing).fill(0n))
    return this.#groups.reduce((bits, group) => (bits << 16n) | group, 0n)
  }

  #problem(reason: string, rest = this.#rest): AddressError {
    return new AddressError(this.#text, reason, rest)
  }
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
