import { nodes, persistentVolumeClaims, pods } from '#api'
import { type Clock, type Log, type Random, TaskGroup } from '#base'
import type { Client, EventSink, Sources } from '#client'
import { qualifiedResource } from '#meta'
import { Cache } from './cache.ts'
import { ClusterState } from './cluster-state.ts'
import { Decider } from './cycle.ts'
import type { BindContext, RequeueRule, WeightedPlugin } from './framework/index.ts'
import { lookupsFrom } from './lookups.ts'
import { Nominations } from './nominations.ts'
import { defaultPlugins } from './plugins/index.ts'
import { PodWriter } from './pod-writer.ts'
import { SchedulingQueue } from './queue.ts'
import { SchedulingLoop } from './scheduling-loop.ts'
import { untilObject } from './until-object.ts'

export interface SchedulerOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Schedules the pods that name it in `spec.schedulerName`. */
  readonly schedulerName?: string
  readonly plugins?: readonly WeightedPlugin[]
}

export interface Scheduler extends AsyncDisposable {
  readonly queue: Pick<SchedulingQueue, 'sizes'>
}

/** Resolves once the cluster's state has been read and scheduling has begun; it goes on until disposed. */
export async function startScheduler(
  options: SchedulerOptions & { readonly sources: Sources; readonly recorder: EventSink },
): Promise<Scheduler> {
  const { client, clock, random, log, sources, recorder, schedulerName = 'default-scheduler', plugins = defaultPlugins } = options
  await using stack = new AsyncDisposableStack()
  const queue = stack.use(new SchedulingQueue({ clock, plugins }))
  const tasks = stack.use(new TaskGroup({ onError: (error) => log.error('Scheduling stopped', { error }) }))
  const synced: Promise<void>[] = []
  const cache = new Cache(lookupsFrom(sources, synced, tasks.signal))
  const nominations = new Nominations()
  const state = new ClusterState({ cache, queue, nominations, schedulerName })
  // Pods that have run to their end hold no resources: upstream, too, asks for the others only.
  const podSource = sources.for(pods, { fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed' })
  const nodeSource = sources.for(nodes)
  stack.use(nodeSource.onChange((change) => state.node(change)))
  stack.use(podSource.onChange((change) => state.pod(change)))
  for (const { source, resource } of otherResources(plugins)) {
    const other = source(sources)
    stack.use(other.onChange((change) => queue.move({ resource, change })))
    synced.push(other.synced(tasks.signal))
  }
  await Promise.all([...synced, nodeSource.synced(tasks.signal), podSource.synced(tasks.signal)])
  const decider = new Decider({ plugins, snapshot: cache, nominations, random })
  const writer = new PodWriter({ client, clock, log, recorder, nominations, schedulerName })
  const livePod = (key: string): ReturnType<typeof podSource.get> => podSource.get(key)
  const claimSource = sources.for(persistentVolumeClaims)
  const untilClaim: BindContext['untilClaim'] = (key, wanted, signal) => untilObject(claimSource, clock, key, wanted, signal)
  const loop = new SchedulingLoop({ client, log, plugins, cache, queue, decider, writer, tasks, livePod, untilClaim })
  tasks.spawn((signal) => loop.run(signal))
  const owned = stack.move()
  return { queue, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** What plugins wait for besides pods and nodes, each once. */
function otherResources(plugins: readonly WeightedPlugin[]): RequeueRule[] {
  const known = new Set([pods, nodes].map((resource) => qualifiedResource(resource)))
  const rules = new Map<string, RequeueRule>()
  for (const rule of plugins.flatMap(({ plugin }) => plugin.requeueOn ?? [])) {
    const name = qualifiedResource(rule.resource)
    if (!known.has(name)) rules.set(name, rule)
  }
  return [...rules.values()]
}
