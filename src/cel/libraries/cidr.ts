import { goQuote } from '#base'
import { declare } from '../types/declarations.ts'
import { bool, int, opaque, string, type Type } from '../types/type.ts'
import { Failure, fail, noSuchOverload } from '../values/failure.ts'
import { Opaque } from '../values/opaque.ts'
import type { Value } from '../values/value.ts'
import { type Address, AddressError, formatAddress, isIn, isMapped, type ParsedAddress, parseAddress } from './address.ts'
import { Ip, ipType, parseIp, parses } from './ip.ts'
import type { Library } from './library.ts'

const cidrType: Type = opaque('net.CIDR')

class Cidr extends Opaque {
  override readonly typeName = 'net.CIDR'
  readonly address: Address
  readonly prefix: number

  constructor(address: Address, prefix: number) {
    super()
    this.address = address
    this.prefix = prefix
  }

  override get size(): number {
    return Math.ceil(this.prefix / 8)
  }

  get masked(): Cidr {
    const { bits, length } = this.address
    const shift = BigInt(length - this.prefix)
    return new Cidr({ bits: (bits >> shift) << shift, length }, this.prefix)
  }

  contains(address: Address): boolean {
    return isIn(address, this.address, this.prefix)
  }

  override equals(other: Value): boolean {
    return other instanceof Cidr && other.prefix === this.prefix && new Ip(other.address).equals(new Ip(this.address))
  }

  override toString(): string {
    return `${formatAddress(this.address)}/${this.prefix}`
  }
}

const CONVERSION = 'network address parse error during conversion from string: '

/** Fails on what Go's netip.ParsePrefix refuses, and on IPv4 written as IPv6. */
function parseCidr(text: string): Cidr {
  const invalid = (why: string): never => fail(`${CONVERSION}${CONVERSION}netip.ParsePrefix(${goQuote(text)}): ${why}`)
  const slash = text.lastIndexOf('/')
  if (slash < 0) return invalid("no '/'")
  let address: ParsedAddress
  try {
    address = parseAddress(text.slice(0, slash))
  } catch (error) {
    if (!(error instanceof AddressError)) throw error
    return invalid(error.message)
  }
  if (address.zone !== '') return invalid('IPv6 zones cannot be present in a prefix')
  const length = text.slice(slash + 1)
  if (!/^(?:\d|[1-9]\d*)$/.test(length) || length.length > 19 || BigInt(length) > INT_MAX)
    return invalid(`bad bits after slash: ${goQuote(length)}`)
  if (Number(length) > address.length) return invalid('prefix length out of range')
  if (isMapped(address)) return fail(`${CONVERSION}IPv4-mapped IPv6 address ${goQuote(text)} is not allowed`)
  return new Cidr(address, Number(length))
}

const INT_MAX = 2n ** 63n - 1n

/** Of a text that is no address upstream says no more than that nothing takes it. */
function containsIp(cidr: Value, text: string): boolean {
  let address: Address
  try {
    ;({ address } = parseIp(text))
  } catch (error) {
    if (error instanceof Failure) return noSuchOverload()
    throw error
  }
  return (cidr as Cidr).contains(address)
}

function containsCidr(outer: Value, inner: Cidr): boolean {
  const { prefix, masked } = outer as Cidr
  return prefix <= inner.prefix && masked.contains(inner.address)
}

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-cidr-library */
export const cidrLibrary: Library = {
  name: 'net.cidr',
  types: { 'net.CIDR': cidrType },
  functions: [
    declare('cidr', { functions: [['string_to_cidr', [string], cidrType, (text) => parseCidr(text as string)]] }),
    declare('isCIDR', { functions: [['is_cidr', [string], bool, parses(parseCidr)]] }),
    declare('string', { functions: [['cidr_to_string', [cidrType], string, String]] }),
    declare('containsIP', {
      members: [
        ['cidr_contains_ip_string', [cidrType, string], bool, (cidr, text) => containsIp(cidr, text as string)],
        ['cidr_contains_ip_ip', [cidrType, ipType], bool, (cidr, ip) => (cidr as Cidr).contains((ip as Ip).address)],
      ],
    }),
    declare('containsCIDR', {
      members: [
        ['cidr_contains_cidr_string', [cidrType, string], bool, (cidr, text) => containsCidr(cidr, parseCidr(text as string))],
        ['cidr_contains_cidr', [cidrType, cidrType], bool, (cidr, other) => containsCidr(cidr, other as Cidr)],
      ],
    }),
    declare('ip', { members: [['cidr_ip', [cidrType], ipType, (cidr) => new Ip((cidr as Cidr).address)]] }),
    declare('prefixLength', { members: [['cidr_prefix_length', [cidrType], int, (cidr) => (cidr as Cidr).prefix]] }),
    declare('masked', { members: [['cidr_masked', [cidrType], cidrType, (cidr) => (cidr as Cidr).masked]] }),
  ],
}
