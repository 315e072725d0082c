import { isIPv4, isIPv6 } from 'node:net'
import { canonicalIPv6 } from './ip.ts'

/** DNS names compare without case and without a final dot. */
export function normalName(name: string): string {
  return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase()
}

/** Whether a name can be written into a message at all. */
export function isEncodable(name: string): boolean {
  return name.length <= 253 && name.split('.').every((label) => label.length > 0 && Buffer.byteLength(label) <= 63)
}

/** The labels of `name` below `zone`, outermost last; undefined when it lies elsewhere. The zone itself has none. */
export function labelsBelow(name: string, zone: string): string[] | undefined {
  if (name === zone) return []
  return name.endsWith(`.${zone}`) ? name.slice(0, -zone.length - 1).split('.') : undefined
}

/** The address that a reverse name asks about: `5.1.71.10.in-addr.arpa` → `10.71.1.5`. */
export function addressOfReverseName(name: string): string | undefined {
  const four = labelsBelow(name, 'in-addr.arpa')
  if (four !== undefined) {
    const address = four.reverse().join('.')
    return isIPv4(address) ? address : undefined
  }
  const six = labelsBelow(name, 'ip6.arpa')
  if (six?.length !== 32) return undefined
  const groups = six.reverse().join('').match(/.{4}/g)!.join(':')
  return isIPv6(groups) ? canonicalIPv6(groups) : undefined
}

/** `10.71.1.5` → `10-71-1-5`; the name of an endpoint without a hostname. */
export function dashed(address: string): string {
  return address.replaceAll(/[.:]/g, '-')
}

/** The address in a pod's name, `10-71-1-5`; IPv6 with dashes for colons. */
export function addressOfDashed(label: string): string | undefined {
  const four = label.replaceAll('-', '.')
  if (isIPv4(four)) return four
  const six = label.replaceAll('-', ':')
  return isIPv6(six) ? canonicalIPv6(six) : undefined
}
