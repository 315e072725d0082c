import { execFileSync } from 'node:child_process'
import { BlockList, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { CONFIG_DEFAULTS } from './config.ts'

/** An address of this machine that its pods can reach: that of the default route, else any that is not loopback. */
export function addressOfHost(): string | undefined {
  const route = ipJson(['route', 'show', 'default'])?.[0] as { prefsrc?: string; dev?: string } | undefined
  if (route?.prefsrc !== undefined) return route.prefsrc
  const interfaces = networkInterfaces()
  const preferred = route?.dev === undefined ? Object.values(interfaces).flat() : (interfaces[route.dev] ?? [])
  return preferred.find((address) => address?.family === 'IPv4' && !address.internal)?.address
}

/** The address from which this machine reaches another. */
export function addressTowards(host: string): string | undefined {
  const route = isIP(host) === 4 ? (ipJson(['route', 'get', host])?.[0] as { prefsrc?: string } | undefined) : undefined
  return route?.prefsrc ?? addressOfHost()
}

/** Pod and Service ranges that no route of this machine uses yet, so that several clusters live side by side. */
export function chooseRanges(): { readonly clusterCIDR: string; readonly serviceCIDR: string } {
  const destinations = (ipJson(['route', 'show']) ?? []).map((route) => String((route as { dst?: unknown }).dst))
  for (let second = 244; second > 200; second--) {
    if (destinations.some((destination) => destination.startsWith(`10.${second}.`))) continue
    // Services are no routes: a second cluster takes a range of its own by the same count.
    const serviceCIDR = second === 244 ? CONFIG_DEFAULTS.serviceCIDR : `10.${second - 132}.0.0/16`
    return { clusterCIDR: `10.${second}.0.0/16`, serviceCIDR }
  }
  throw new Error('every pod network range from 10.201.0.0/16 to 10.244.0.0/16 is routed already; stop a cluster first')
}

/** A range for the nodes of one machine that none of its routes uses yet. */
export function chooseNodeRange(): string {
  const destinations = (ipJson(['route', 'show']) ?? []).map((route) => String((route as { dst?: unknown }).dst))
  for (let third = 244; third > 200; third--)
    if (!destinations.some((destination) => destination.startsWith(`192.168.${third}.`))) return `192.168.${third}.0/24`
  throw new Error('every node network range from 192.168.201.0/24 to 192.168.244.0/24 is routed already; stop a cluster first')
}

function ipJson(parameters: readonly string[]): unknown[] | undefined {
  try {
    const text = execFileSync('ip', ['-j', '-4', ...parameters], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return text.trim() === '' ? [] : (JSON.parse(text) as unknown[])
  } catch {
    // iproute2 may be missing where nodes are simulated; nothing then depends on the answer.
    return undefined
  }
}

/** Addresses of this machine within any of the ranges. */
export function addressesIn(ranges: readonly string[]): string[] {
  const list = new BlockList()
  for (const range of ranges) {
    const [base = '', bits = ''] = range.split('/')
    list.addSubnet(base, Number(bits), isIP(base) === 6 ? 'ipv6' : 'ipv4')
  }
  return Object.values(networkInterfaces()).flatMap((each) =>
    (each ?? []).flatMap(({ address, family }) => (list.check(address, family === 'IPv6' ? 'ipv6' : 'ipv4') ? [address] : [])),
  )
}
