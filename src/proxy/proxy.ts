import { endpointSlices, type Node, nodes, services } from '#api'
import { type Clock, type Log, TaskGroup } from '#base'
import type { Sources } from '#client'
import { canonicalAddress, familyOf } from './addresses.ts'
import type { ProxyBackend } from './backends/backend.ts'
import { RulesTracker } from './changes.ts'
import { type Address, ServiceHealthPorts, serveHealth } from './health.ts'
import type { NodeFacts } from './rules.ts'
import { SyncLoop } from './sync-loop.ts'

const MIN_SYNC_PERIOD_MS = 100
const GOING_AWAY_TAINT = 'ToBeDeletedByClusterAutoscaler'

export interface ProxyOptions {
  readonly nodeName: string
  readonly backend: ProxyBackend
  readonly clock: Clock
  readonly log: Log
  /** Where NodePorts answer; by default on the node's own primary addresses, one for each family. */
  readonly nodePortAddresses?: readonly string[] | undefined
  readonly minSyncPeriodMs?: number
  /** Upstream's default is port 10256. */
  readonly healthz?: Address | undefined
  /** Where load balancers' health check ports are opened; nowhere when absent. */
  readonly healthCheckHost?: string | undefined
}

export interface Proxy extends AsyncDisposable {
  readonly healthzPort: number | undefined
}

/** Resolves once every Service works as the cluster says. Rules stay when it is disposed: traffic goes on without a proxy. */
export async function startProxy(options: ProxyOptions & { readonly sources: Sources }): Promise<Proxy> {
  const { backend, clock, healthCheckHost, healthz, log, minSyncPeriodMs = MIN_SYNC_PERIOD_MS, nodeName, sources } = options
  await using stack = new AsyncDisposableStack()
  const tasks = stack.use(new TaskGroup({ onError: (error) => log.error('The proxy stopped', { error }) }))
  const ports = healthCheckHost === undefined ? undefined : stack.use(new ServiceHealthPorts({ host: healthCheckHost, log }))
  const factsOf = (node: Node | undefined): NodeFacts => nodeFacts(nodeName, node, options.nodePortAddresses)
  const tracker = new RulesTracker(factsOf(undefined))
  const onSynced = (): void => ports?.update(tracker.all().values())
  const loop = new SyncLoop({ tracker, backend, clock, log, minSyncPeriodMs, onSynced })
  const nodeSource = sources.for(nodes, { fieldSelector: `metadata.name=${nodeName}` })
  const serviceSource = sources.for(services)
  const sliceSource = sources.for(endpointSlices)
  const heard =
    <T>(tell: (change: T) => void) =>
    (change: T): void => {
      tell(change)
      loop.poke()
    }
  // A node that is gone from the API for a moment still serves.
  stack.use(nodeSource.onChange(heard(({ after }) => after && tracker.node(factsOf(after)))))
  stack.use(serviceSource.onChange(heard((change) => tracker.service(change))))
  stack.use(sliceSource.onChange(heard((change) => tracker.slice(change))))
  await Promise.all([nodeSource, serviceSource, sliceSource].map((source) => source.synced(tasks.signal)))
  await loop.start(tasks.signal)
  tasks.spawn((signal) => loop.run(signal))
  const nodeEligible = (): boolean => isEligible(nodeSource.get(nodeName))
  const health = healthz === undefined ? undefined : stack.use(await serveHealth(healthz, { clock, loop, nodeEligible }))
  const owned = stack.move()
  return { healthzPort: health?.port, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

function nodeFacts(nodeName: string, node: Node | undefined, addresses: readonly string[] | undefined): NodeFacts {
  const own = (node?.status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address)
  const primary = (['IPv4', 'IPv6'] as const).flatMap((family) => own.find((address) => familyOf(address) === family) ?? [])
  const nodePortAddresses = (addresses ?? primary).filter((address) => familyOf(address) !== undefined).map(canonicalAddress)
  return { nodeName, zone: node?.metadata?.labels?.['topology.kubernetes.io/zone'], nodePortAddresses }
}

/** A node that is being removed should get no more traffic from load balancers. */
function isEligible(node: Node | undefined): boolean {
  if (node?.metadata?.deletionTimestamp !== undefined) return false
  return !(node?.spec?.taints ?? []).some(({ key }) => key === GOING_AWAY_TAINT)
}
