import { ipFamilyOf, parseRange } from '#api'
import type { Clock, Log, Random } from '#base'
import { SimulatedRuntime } from '#kubelet'
import { MemoryBackend } from '#proxy'
import { addressIn } from './cidr.ts'
import type { ControlPlane } from './control-plane.ts'
import { type ClusterNode, startNode } from './node.ts'

export interface SimulatedNodesOptions {
  readonly controlPlane: Pick<ControlPlane, 'clientFor'>
  readonly names: readonly string[]
  /** A range, or one of each family by a comma: pods have an address of each. */
  readonly clusterCIDR: string
  readonly clusterDNS: string
  readonly clusterDomain: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Addresses that no packet ever goes to. */
const NODE_RANGES = { IPv4: '172.31.0.0/16', IPv6: 'fd00:172:31::/112' } as const
const POD_RANGE_SIZE = 65_000

const CAPACITY = { cpu: '8', memory: '32Gi', 'ephemeral-storage': '100Gi', pods: '110' }

/** Nodes without containers, in this process: real kubelets and proxies over runtimes that only play. */
export async function startSimulatedNodes(options: SimulatedNodesOptions): Promise<ClusterNode[] & AsyncDisposable> {
  const { controlPlane, clock, random, log, clusterCIDR } = options
  await using stack = new AsyncDisposableStack()
  let pods = 0
  const ranges = clusterCIDR.split(',').map((cidr) => ({ cidr, size: podsIn(cidr) }))
  const nextIPs = (): string[] => {
    const number = pods++
    return ranges.map(({ cidr, size }) => addressIn(cidr, 2 + (number % size)))
  }
  const nodes = await Promise.all(
    options.names.map((nodeName, index) =>
      startNode({
        nodeName,
        nodeIPs: ranges.map(({ cidr }) => addressIn(NODE_RANGES[ipFamilyOf(cidr)], 2 + index)),
        runtime: new SimulatedRuntime({ clock, random, nextIPs }),
        proxyBackend: new MemoryBackend(),
        kubeletClient: controlPlane.clientFor(
          { username: `system:node:${nodeName}`, groups: ['system:nodes', 'system:authenticated'] },
          'kubelet',
        ),
        proxyClient: controlPlane.clientFor({ username: 'system:kube-proxy', groups: ['system:authenticated'] }, 'kube-proxy'),
        rootDirectory: '',
        podLogs: '',
        capacity: CAPACITY,
        clusterDNS: options.clusterDNS,
        clusterDomain: options.clusterDomain,
        clock,
        random,
        log,
      }),
    ),
  )
  for (const node of nodes) stack.use(node)
  const owned = stack.move()
  return Object.assign(nodes, { [Symbol.asyncDispose]: () => owned.disposeAsync() })
}

/** How many pods have an address of their own at a time. */
function podsIn(cidr: string): number {
  const size = (parseRange(cidr)?.size ?? 0n) - 3n
  return size > BigInt(POD_RANGE_SIZE) ? POD_RANGE_SIZE : Math.max(1, Number(size))
}
