import { execFile } from 'node:child_process'
import { BlockList } from 'node:net'
import { promisify } from 'node:util'
import type { Node } from '#api'
import { type Clock, type Log, TaskGroup } from '#base'
import type { Source } from '#client'
import { ensureTunnel, removeTunnel, tunnelName, tunnelPeer } from './tunnel.ts'

const run = promisify(execFile)

export interface PodRoutesOptions {
  readonly nodes: Source<Node>
  readonly nodeName: string
  /** Of this node. */
  readonly address: string
  readonly clusterId: string
  /** Of all pods; routes elsewhere are another cluster's. */
  readonly clusterCIDR: string
  readonly clock: Clock
  readonly log: Log
}

/** A pod range and the node that has it. */
export interface PodRange {
  readonly podCIDR: string
  readonly address: string
}

/** Marks our routes among those of the kernel and of other programs (`/etc/iproute2/rt_protos` leaves it free). */
export const ROUTE_PROTOCOL = '118'
/** Between tries when the kernel refused. */
const RETRY_MS = 1_000

/**
 * Keeps routes to the pods of all other nodes: straight to nodes on this node's own links, through a VXLAN tunnel to nodes behind a router (docs/design/joining.md).
 * Disposing leaves the routes: traffic goes on without this process.
 */
export function keepPodRoutes(options: PodRoutesOptions): AsyncDisposable {
  const { nodes, log, clock } = options
  const tasks = new TaskGroup({ onError: (error) => log.error('Routes to other nodes are no longer kept', { error }) })
  let wake: (() => void) | undefined
  let isDue = false
  const listening = nodes.onChange(() => {
    isDue = true
    wake?.()
  })
  tasks.spawn(async (signal) => {
    signal.addEventListener('abort', () => wake?.())
    await nodes.synced(signal)
    while (!signal.aborted) {
      if (!isDue) await new Promise<void>((resolve) => (wake = resolve))
      if (signal.aborted) return
      isDue = false
      try {
        await syncRoutes(options)
      } catch (error) {
        log.warn('Routes to other nodes were not written; tried again', { error })
        isDue = true
        await clock.sleep(RETRY_MS, { signal })
      }
    }
  })
  return {
    async [Symbol.asyncDispose]() {
      listening[Symbol.dispose]()
      await tasks[Symbol.asyncDispose]()
    },
  }
}

/** Removes what {@link keepPodRoutes} left in this network namespace. */
export async function removePodRoutes(clusterId: string, nodeName: string, clusterCIDR: string): Promise<void> {
  for (const podCIDR of (await ourRoutes(clusterCIDR)).keys()) await run('ip', ['route', 'del', podCIDR, 'proto', ROUTE_PROTOCOL])
  await removeTunnel(tunnelName(clusterId, nodeName))
}

/** Ranges of the nodes of a cluster, without `nodeName`'s own. */
export function rangesOfOthers(nodes: readonly Node[], nodeName: string): PodRange[] {
  return nodes.flatMap(({ metadata, spec, status }) => {
    const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address
    return metadata?.name === nodeName || address === undefined || !spec?.podCIDR ? [] : [{ podCIDR: spec.podCIDR, address }]
  })
}

async function syncRoutes({ nodes, nodeName, address, clusterId, clusterCIDR, log }: PodRoutesOptions): Promise<void> {
  const all = nodes.list()
  const own = all.find(({ metadata }) => metadata?.name === nodeName)?.spec?.podCIDR
  if (own === undefined) return
  const wanted = new Map<string, string>()
  const tunnel = tunnelName(clusterId, nodeName)
  let needsTunnel = false
  for (const peer of rangesOfOthers(all, nodeName)) {
    const device = await linkTo(peer.address)
    // An address of this machine itself: its pods are on a bridge that the kernel knows.
    if (device === 'lo') continue
    if (device !== undefined) wanted.set(peer.podCIDR, `via ${peer.address} dev ${device}`)
    else {
      if (!needsTunnel) await ensureTunnel({ name: tunnel, clusterId, address, podCIDR: own })
      needsTunnel = true
      wanted.set(peer.podCIDR, await tunnelPeer(tunnel, peer))
    }
  }
  const present = await ourRoutes(clusterCIDR)
  for (const [podCIDR, way] of wanted) {
    if (present.get(podCIDR) === way) continue
    await run('ip', ['route', 'replace', podCIDR, ...way.split(' '), 'proto', ROUTE_PROTOCOL])
    log.info('Pods of another node are reached', { podCIDR, way })
  }
  for (const podCIDR of present.keys())
    if (!wanted.has(podCIDR)) await run('ip', ['route', 'del', podCIDR, 'proto', ROUTE_PROTOCOL]).catch(() => undefined)
  if (!needsTunnel) await removeTunnel(tunnel)
}

/** The device by which an address is reached without a router; `lo` when it is this machine's; undefined when a router is between. */
async function linkTo(address: string): Promise<string | undefined> {
  const { stdout } = await run('ip', ['-j', '-4', 'route', 'get', address])
  const [route] = JSON.parse(stdout) as { dev?: string; gateway?: string; type?: string }[]
  if (route?.type === 'local') return 'lo'
  return route?.gateway === undefined ? route?.dev : undefined
}

/** Routes of ours to pods of the cluster, by range. */
async function ourRoutes(clusterCIDR: string): Promise<Map<string, string>> {
  const { stdout } = await run('ip', ['-j', '-4', 'route', 'show', 'proto', ROUTE_PROTOCOL])
  const routes = (stdout.trim() === '' ? [] : JSON.parse(stdout)) as readonly Route[]
  const inCluster = new BlockList()
  const [base = '', bits = ''] = clusterCIDR.split('/')
  inCluster.addSubnet(base, Number(bits))
  return new Map(
    routes
      .filter(({ dst }) => inCluster.check(dst.split('/')[0]!))
      .map(({ dst, gateway, dev, flags }) => [dst, `via ${gateway} dev ${dev}${flags?.includes('onlink') ? ' onlink' : ''}`]),
  )
}

interface Route {
  readonly dst: string
  readonly gateway?: string
  readonly dev?: string
  readonly flags?: readonly string[]
}
