import { isIPv6 } from 'node:net'

/** One spelling for each address, so that equal addresses are equal strings. */
export function canonicalIPv6(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1)
}

export function canonicalIP(address: string): string {
  return isIPv6(address) && !address.includes('%') ? canonicalIPv6(address) : address
}
