import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** IANA's port of VXLAN. */
const PORT = '4789'
/** What encapsulation takes of 1,500 bytes: outer IPv4, UDP and VXLAN headers and the inner Ethernet header. */
const MTU = '1450'

export interface Tunnel {
  readonly name: string
  readonly clusterId: string
  /** Of this node. */
  readonly address: string
  readonly podCIDR: string
}

/** At most 15 characters. */
export const tunnelName = (clusterId: string, node: string): string => `t8v-${hash(`${clusterId}/${node}`).slice(0, 8)}`

/**
 * An end of the cluster's VXLAN that learns nothing by itself: a node's end has the first address of its pod range, and a hardware address
 * made from it, so every node knows every other's from its Node object alone. Idempotent.
 */
export async function ensureTunnel({ name, clusterId, address, podCIDR }: Tunnel): Promise<void> {
  const id = String(Number.parseInt(hash(clusterId).slice(0, 6), 16) | 1)
  const end = firstOf(podCIDR)
  if (!(await exists(name)))
    await run('ip', [
      'link', 'add', name, 'address', hardwareAddress(end), 'mtu', MTU,
      'type', 'vxlan', 'id', id, 'local', address, 'dstport', PORT, 'nolearning',
    ]) // biome-ignore format: one option and its value after the other
  await run('ip', ['address', 'replace', `${end}/32`, 'dev', name])
  await run('ip', ['link', 'set', name, 'up'])
}

/** Tells the tunnel where a node's end is; resolves with the route to its pods. */
export async function tunnelPeer(
  name: string,
  { podCIDR, address }: { readonly podCIDR: string; readonly address: string },
): Promise<string> {
  const end = firstOf(podCIDR)
  await run('bridge', ['fdb', 'replace', hardwareAddress(end), 'dev', name, 'dst', address])
  await run('ip', ['neigh', 'replace', end, 'lladdr', hardwareAddress(end), 'dev', name, 'nud', 'permanent'])
  return `via ${end} dev ${name} onlink`
}

export async function removeTunnel(name: string): Promise<void> {
  if (await exists(name)) await run('ip', ['link', 'del', name])
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex')

const firstOf = (podCIDR: string): string => podCIDR.split('/')[0]!

/** Locally administered, with the four bytes of an address in it: `0e:58:0a:f4:01:00`. */
export const hardwareAddress = (address: string): string =>
  `0e:58:${address
    .split('.')
    .map((octet) => Number(octet).toString(16).padStart(2, '0'))
    .join(':')}`

async function exists(name: string): Promise<boolean> {
  return run('ip', ['link', 'show', name]).then(
    () => true,
    () => false,
  )
}
