import { isIP } from 'node:net'

/** `address` or `address:port` of each name server in the text of a resolv.conf. */
export function nameserversOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? '')
    .filter((address) => isIP(address) !== 0)
}

export interface Upstream {
  readonly host: string
  readonly port: number
}

/** `10.0.0.2`, `10.0.0.2:5353`, `fd00::2`, `[fd00::2]:53`. Throws for anything else. */
export function parseUpstream(text: string): Upstream {
  if (isIP(text) !== 0) return { host: text, port: 53 }
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2] ?? ''
  const port = Number(match?.[3])
  if (isIP(host) === 0 || !(port > 0 && port < 65_536))
    throw new Error(`upstream name server ${JSON.stringify(text)} is not an IP address with an optional port`)
  return { host, port }
}
