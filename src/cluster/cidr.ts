import { addressAt, ipFamilyOf, parseRange } from '#api'
import { assert } from '#base'
import { NODE_MASK_SIZES, type NodeMaskSizes } from '#controllers'

/** The address `offset` places after the first of a range, or of the first of two: `addressIn('10.96.0.0/12', 1)` is `10.96.0.1`. */
export function addressIn(cidrs: string, offset: number): string {
  const [cidr = ''] = cidrs.split(',')
  const range = parseRange(cidr)
  assert(range !== undefined && offset < range.size, `${cidr} holds an address at ${offset}`)
  return addressAt(range, BigInt(offset))
}

/** Larger ranges of Services are refused, as upstream does. */
const SERVICE_BITS_MAX = 64

/** One range, or one of each family by a comma. Throws with upstream's words, where it has some; `flag` is whose value it is. */
export function rangesOf(text: string, flag: string): string[] {
  const cidrs = text.split(',').map((each) => each.trim())
  const ranges = cidrs.map((cidr) => {
    const range = parseRange(cidr)
    if (range === undefined)
      throw new Error(`${flag} takes a range such as 10.0.0.0/16, or one of each family by a comma, not '${text}'`)
    return range
  })
  if (ranges.length > 2) throw new Error(`${flag} must not contain more than two entries`)
  if (ranges.length === 2 && ranges[0]!.family === ranges[1]!.family)
    throw new Error(`${flag}[0] and ${flag}[1] must be of different IP family`)
  return ranges.map(({ cidr }) => cidr)
}

/** As {@link rangesOf}, of Services. */
export function serviceRangesOf(text: string, flag: string): string[] {
  const ranges = rangesOf(text, flag)
  for (const [index, cidr] of ranges.entries()) {
    const width = ipFamilyOf(cidr) === 'IPv6' ? 128 : 32
    const least = width - SERVICE_BITS_MAX
    if (Number(cidr.split('/')[1]) >= least) continue
    const which = index === 0 ? flag : `${flag}[${index}]`
    throw new Error(`specified ${which} is too large; for ${width}-bit addresses, the mask must be >= ${least}`)
  }
  return ranges
}

/** The API server is an endpoint of a Service of the default family. Throws with upstream's words. */
export function checkAdvertised(address: string, [primary = '']: readonly string[]): void {
  if (ipFamilyOf(address) !== ipFamilyOf(primary))
    throw new Error(`service IP family ${JSON.stringify(primary)} must match public address family ${JSON.stringify(address)}`)
}

/** More ranges than that are not kept of one cluster range, as upstream's. */
const NODE_BITS_MAX = 16

/** Of pods, and how large a part of it a node gets: `both` is for a cluster of one family alone. Throws with upstream's words. */
export function nodeRangesOf(
  clusterCIDR: string,
  {
    both,
    IPv4,
    IPv6,
  }: { readonly both?: number | undefined; readonly IPv4?: number | undefined; readonly IPv6?: number | undefined },
): { readonly clusterCIDR: string; readonly nodeMaskSizes: NodeMaskSizes } {
  const cidrs = clusterCIDR === '' ? [] : rangesOf(clusterCIDR, '--cluster-cidr')
  if (both !== undefined && cidrs.length > 1)
    throw new Error('usage of --node-cidr-mask-size is not allowed with dual-stack clusters')
  if (both !== undefined && (IPv4 ?? IPv6) !== undefined)
    throw new Error(
      'usage of --node-cidr-mask-size-ipv4 and --node-cidr-mask-size-ipv6 is not allowed if --node-cidr-mask-size is set. For dual-stack clusters please unset it and use IPFamily specific flags',
    )
  const only = cidrs.length === 1 ? ipFamilyOf(cidrs[0]!) : undefined
  if (only === 'IPv6' && IPv4 !== undefined)
    throw new Error('usage of --node-cidr-mask-size-ipv4 is not allowed for a single-stack IPv6 cluster')
  if (only === 'IPv4' && IPv6 !== undefined)
    throw new Error('usage of --node-cidr-mask-size-ipv6 is not allowed for a single-stack IPv4 cluster')
  const nodeMaskSizes = { IPv4: IPv4 ?? both ?? NODE_MASK_SIZES.IPv4, IPv6: IPv6 ?? both ?? NODE_MASK_SIZES.IPv6 }
  for (const cidr of cidrs) {
    const [family, bits] = [ipFamilyOf(cidr), Number(cidr.split('/')[1])]
    const size = nodeMaskSizes[family]
    if (size < bits || size > (family === 'IPv4' ? 32 : 128))
      throw new Error(`--cluster-cidr ${cidr} holds no ranges for nodes with a mask of ${size} bits`)
    if (size - bits > NODE_BITS_MAX && family === 'IPv6')
      throw new Error(`--cluster-cidr ${cidr}: New CIDR set failed; the node CIDR size is too big`)
  }
  return { clusterCIDR: cidrs.join(','), nodeMaskSizes }
}
