import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface PodNetwork {
  /** Of the bridge; at most 15 characters. */
  readonly bridge: string
  readonly podCIDR: string
  readonly cniDirectory: string
  readonly stateDirectory: string
}

/** Names of interfaces are short, so clusters are told apart by a few characters of their id. */
export const bridgeName = (clusterId: string, node: string): string =>
  `t8s-${createHash('sha256').update(`${clusterId}/${node}`).digest('hex').slice(0, 8)}`

/** The CNI configuration of a node's pods: a bridge with addresses of its pod range, and host ports. */
export function conflist({ bridge, podCIDR, stateDirectory }: PodNetwork): unknown {
  return {
    cniVersion: '1.0.0',
    name: 'podnet',
    plugins: [
      {
        type: 'bridge',
        bridge,
        isGateway: true,
        // The proxy's rules masquerade what leaves the cluster.
        ipMasq: false,
        hairpinMode: true,
        mtu: 1500,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: podCIDR }]],
          routes: [{ dst: '0.0.0.0/0' }],
          dataDir: join(stateDirectory, 'ipam'),
        },
      },
      { type: 'portmap', capabilities: { portMappings: true }, snat: true },
    ],
  }
}

const SYSCTLS: Readonly<Record<string, string>> = {
  'net/ipv4/ip_forward': '1',
  'net/bridge/bridge-nf-call-iptables': '1',
}

/** Prepares the namespace this process lives in: forwarding on, the bridge there with an address of its own, the CNI configuration written. Idempotent. */
export async function setUpPodNetwork(network: PodNetwork): Promise<void> {
  mkdirSync(network.cniDirectory, { recursive: true })
  // First: the plugin would otherwise make a bridge without a stable address, on which every later pod fails.
  if (!(await linkExists(network.bridge))) {
    const mac = `0a:58:${network.podCIDR
      .split('/')[0]!
      .split('.')
      .map((octet) => Number(octet).toString(16).padStart(2, '0'))
      .join(':')}`
    await run('ip', ['link', 'add', network.bridge, 'address', mac, 'type', 'bridge'])
  }
  await run('ip', ['link', 'set', network.bridge, 'up'])
  for (const [path, value] of Object.entries(SYSCTLS)) {
    try {
      writeFileSync(join('/proc/sys', path), value)
    } catch {
      // bridge-nf-call exists only with its module; a kernel without it filters nothing there.
    }
  }
  writeFileSync(join(network.cniDirectory, '10-pods.conflist'), JSON.stringify(conflist(network), null, 2))
}

export async function tearDownPodNetwork({
  bridge,
  stateDirectory,
}: Pick<PodNetwork, 'bridge' | 'stateDirectory'>): Promise<void> {
  if (await linkExists(bridge)) await run('ip', ['link', 'del', bridge])
  rmSync(join(stateDirectory, 'ipam'), { recursive: true, force: true })
}

/** Asks the kernel: /sys may show the interfaces of another network namespace. */
async function linkExists(name: string): Promise<boolean> {
  try {
    await run('ip', ['link', 'show', name])
    return true
  } catch {
    return false
  }
}
