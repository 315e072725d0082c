import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { cleanupNftables } from '#proxy'
import { addressIn } from '../cidr.ts'

const run = promisify(execFile)

/** The Ethernet of a machine on which its nodes are neighbours: a bridge of the host, and a network namespace for each node but the first. */
export interface MachineNetwork {
  readonly clusterId: string
  /** Addresses of the nodes; the first is the host's own. */
  readonly nodeCIDR: string
  /** Of pods, who keep their addresses on it. */
  readonly clusterCIDR: string
}

/** The address of node 1, 2, … */
export const addressOfNode = ({ nodeCIDR }: Pick<MachineNetwork, 'nodeCIDR'>, index: number): string => addressIn(nodeCIDR, index)

export const namespaceName = (clusterId: string, node: string): string => `t8s-${clusterId}-${node}`

/** What runs a program inside a namespace, with the file systems of the host. `ip netns exec` would mount another /sys, on which runc finds no control groups. */
export const inNamespace = (name: string): string[] => ['nsenter', `--net=/run/netns/${name}`]

/** The host's end: the bridge with an address, forwarding, and masquerading of what leaves for elsewhere. Idempotent. */
export async function ensureMachineNetwork(network: MachineNetwork): Promise<void> {
  const { nodeCIDR, clusterCIDR } = network
  const bridge = bridgeOf(network.clusterId)
  if (!(await succeeds('ip', 'link', 'show', bridge))) await run('ip', ['link', 'add', bridge, 'type', 'bridge'])
  await run('ip', ['address', 'replace', `${addressOfNode(network, 1)}/${nodeCIDR.split('/')[1]}`, 'dev', bridge])
  await run('ip', ['link', 'set', bridge, 'up'])
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1')
  const table = tableOf(network.clusterId)
  await load(
    `table ip ${table}
delete table ip ${table}
table ip ${table} {
  chain postrouting {
    type nat hook postrouting priority 100;
    ip saddr ${nodeCIDR} ip daddr != { ${nodeCIDR}, ${clusterCIDR} } masquerade
  }
}
`,
  )
}

/** A node's namespace, with a cable to the bridge and the host as its router. Idempotent. */
export async function ensureNodeNamespace(network: MachineNetwork, node: string, index: number): Promise<string> {
  const name = namespaceName(network.clusterId, node)
  const bits = network.nodeCIDR.split('/')[1]
  if (!existsSync(`/run/netns/${name}`)) await run('ip', ['netns', 'add', name])
  const inside = (...words: string[]): Promise<unknown> => run('ip', ['-n', name, ...words])
  const cable = cableOf(network.clusterId, node)
  if (!(await succeeds('ip', 'link', 'show', cable)))
    await run('ip', ['link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name])
  await run('ip', ['link', 'set', cable, 'master', bridgeOf(network.clusterId)])
  await run('ip', ['link', 'set', cable, 'up'])
  await inside('link', 'set', 'lo', 'up')
  await inside('address', 'replace', `${addressOfNode(network, index)}/${bits}`, 'dev', 'eth0')
  await inside('link', 'set', 'eth0', 'up')
  await inside('route', 'replace', 'default', 'via', addressOfNode(network, 1))
  return name
}

/** The namespace takes its interfaces, routes and tables along, in the kernel's own time; the cable goes at once. */
export async function removeNodeNamespace(clusterId: string, node: string): Promise<void> {
  const name = namespaceName(clusterId, node)
  const cable = cableOf(clusterId, node)
  if (await succeeds('ip', 'link', 'show', cable)) await run('ip', ['link', 'del', cable])
  if (existsSync(`/run/netns/${name}`)) await run('ip', ['netns', 'del', name])
}

export async function removeMachineNetwork(clusterId: string): Promise<void> {
  const bridge = bridgeOf(clusterId)
  if (await succeeds('ip', 'link', 'show', bridge)) await run('ip', ['link', 'del', bridge])
  await cleanupNftables({ table: tableOf(clusterId) })
}

/** Names of interfaces have at most 15 characters. */
const bridgeOf = (clusterId: string): string => `t8n-${hash(clusterId)}`
const cableOf = (clusterId: string, node: string): string => `t8c-${hash(`${clusterId}/${node}`)}`
const tableOf = (clusterId: string): string => `t8s-${clusterId}-machine`
const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8)

function succeeds(program: string, ...words: string[]): Promise<boolean> {
  return run(program, words).then(
    () => true,
    () => false,
  )
}

/** One transaction. */
async function load(text: string): Promise<void> {
  const running = run('nft', ['-f', '-'])
  running.child.stdin!.end(text)
  await running
}
