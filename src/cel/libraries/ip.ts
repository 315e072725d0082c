import { goQuote } from '#base'
import { declare } from '../types/declarations.ts'
import { bool, int, opaque, string, type Type } from '../types/type.ts'
import { Failure, fail } from '../values/failure.ts'
import { Opaque } from '../values/opaque.ts'
import type { Value } from '../values/value.ts'
import { type Address, AddressError, formatAddress, isIn, isMapped, type ParsedAddress, parseAddress } from './address.ts'
import type { Library } from './library.ts'

export const ipType: Type = opaque('net.IP')

export class Ip extends Opaque {
  override readonly typeName = 'net.IP'
  readonly address: Address

  constructor(address: Address) {
    super()
    this.address = address
  }

  override get size(): number {
    return this.address.length / 8
  }

  override equals(other: Value): boolean {
    return other instanceof Ip && other.address.bits === this.address.bits && other.address.length === this.address.length
  }
}

/** Fails on what is no address, on zones, and on IPv4 written as IPv6. */
export function parseIp(text: string): Ip {
  let address: ParsedAddress
  try {
    address = parseAddress(text)
  } catch (error) {
    if (!(error instanceof AddressError)) throw error
    return fail(`IP Address ${goQuote(text)} parse error during conversion from string: ${error.message}`)
  }
  if (address.zone !== '') return fail(`IP address ${goQuote(text)} with zone value is not allowed`)
  if (isMapped(address)) return fail(`IPv4-mapped IPv6 address ${goQuote(text)} is not allowed`)
  return new Ip(address)
}

/** Whether `parse` takes the text. */
export function parses(parse: (text: string) => unknown): (text: Value) => boolean {
  return (text) => {
    try {
      parse(text as string)
      return true
    } catch (error) {
      if (error instanceof Failure) return false
      throw error
    }
  }
}

interface Range {
  readonly network: Address
  readonly prefix: number
}

const range = (cidr: string): Range => {
  const [network, prefix] = cidr.split('/') as [string, string]
  return { network: parseAddress(network), prefix: Number(prefix) }
}

const isInAny = (ranges: readonly string[]): ((address: Address) => boolean) => {
  let parsed: Range[] | undefined
  return (address) => {
    parsed ??= ranges.map(range)
    return parsed.some(({ network, prefix }) => isIn(address, network, prefix))
  }
}

const isUnspecified = isInAny(['0.0.0.0/32', '::/128'])
const isLoopback = isInAny(['127.0.0.0/8', '::1/128'])
const isLinkLocalMulticast = isInAny(['224.0.0.0/24', 'ff02::/16'])
const isLinkLocalUnicast = isInAny(['169.254.0.0/16', 'fe80::/10'])
const isNotGlobal = isInAny([
  '0.0.0.0/32',
  '255.255.255.255/32',
  '127.0.0.0/8',
  '224.0.0.0/4',
  '169.254.0.0/16',
  '::/128',
  '::1/128',
  'ff00::/8',
  'fe80::/10',
])

const predicate = (name: string, id: string, holds: (address: Address) => boolean) =>
  declare(name, { members: [[id, [ipType], bool, (ip) => holds((ip as Ip).address)]] })

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-ip-address-library */
export const ipLibrary: Library = {
  name: 'kubernetes.net.ip',
  types: { 'net.IP': ipType },
  functions: [
    declare('ip', { functions: [['string_to_ip', [string], ipType, (text) => parseIp(text as string)]] }),
    declare('isIP', { functions: [['is_ip', [string], bool, parses(parseIp)]] }),
    declare('ip.isCanonical', {
      functions: [['ip_is_canonical', [string], bool, (text) => formatAddress(parseIp(text as string).address) === text]],
    }),
    declare('string', { functions: [['ip_to_string', [ipType], string, (ip) => formatAddress((ip as Ip).address)]] }),
    declare('family', { members: [['ip_family', [ipType], int, (ip) => ((ip as Ip).address.length === 32 ? 4 : 6)]] }),
    predicate('isUnspecified', 'ip_is_unspecified', isUnspecified),
    predicate('isLoopback', 'ip_is_loopback', isLoopback),
    predicate('isLinkLocalMulticast', 'ip_is_link_local_multicast', isLinkLocalMulticast),
    predicate('isLinkLocalUnicast', 'ip_is_link_local_unicast', isLinkLocalUnicast),
    predicate('isGlobalUnicast', 'ip_is_global_unicast', (address) => !isNotGlobal(address)),
  ],
}
