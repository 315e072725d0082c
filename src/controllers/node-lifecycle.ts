import { leases, type Node, nodes, type Pod, pods, type Taint, tolerates } from '#api'
import { deepClone } from '#base'
import { formatTime, isNotFound, keyOf } from '#meta'
import { defineController, done, type ReconcileContext, requeueAt, watch } from './framework/index.ts'
import { evictionRate, isCutOff, type Zone, zoneOf, zonesOf } from './node-zones.ts'

const NAMESPACE = 'kube-node-lease'
/** Without a renewed Lease for this long a node's state is not known (upstream's --node-monitor-grace-period). */
const GRACE_MS = 50_000
const NOT_READY = 'node.kubernetes.io/not-ready'
const UNREACHABLE = 'node.kubernetes.io/unreachable'
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable'
const OWN_KEYS = new Set([
  NOT_READY,
  UNREACHABLE,
  UNSCHEDULABLE,
  'node.kubernetes.io/memory-pressure',
  'node.kubernetes.io/disk-pressure',
  'node.kubernetes.io/pid-pressure',
])
const PRESSURES = { MemoryPressure: 'memory-pressure', DiskPressure: 'disk-pressure', PIDPressure: 'pid-pressure' } as const

/** Watches over nodes by their heartbeats: taints follow their conditions, and what runs on lost nodes is given up (https://kubernetes.io/docs/concepts/architecture/nodes/). */
export const nodeLifecycle = defineController({
  name: 'node-controller',
  flag: 'node-lifecycle-controller',
  for: nodes,
  watches: [
    watch(leases, ({ metadata }) => (metadata?.namespace === NAMESPACE ? [metadata.name ?? ''] : [])),
    // Whether a node in trouble loses its pods depends on how the others are.
    watch(nodes, (_node, { cache }) =>
      cache(nodes)
        .list()
        .filter((node) => readyStatus(node) !== 'True')
        .map(keyOf),
    ),
  ],
  reads: [pods as never],
  async reconcile(context) {
    const { key, cache, clock } = context
    const node = cache(nodes).get(key)
    if (node === undefined || node.metadata?.deletionTimestamp !== undefined) return done
    const lostAtMs = lostAt(context, node)
    const lost = clock.now() >= lostAtMs
    const current = lost ? await markUnknown(context, node) : node
    const ready = readyStatus(current)
    // A node that has just registered keeps the taint it was born with.
    if (ready === undefined) return requeueAt(lostAtMs)
    const evictAtMs = await taint(context, current)
    if (ready !== 'True') await markPodsNotReady(context, key)
    const times = [evictAtMs, lost ? undefined : lostAtMs].filter((time) => time !== undefined)
    return times.length > 0 ? requeueAt(Math.min(...times)) : done
  },
})

/** Milliseconds since the epoch at which a node counts as lost unless it gives a sign. */
function lostAt({ cache }: Pick<ReconcileContext, 'cache'>, node: Node): number {
  const { name, creationTimestamp } = node.metadata ?? {}
  const renewed = cache(leases).get(`${NAMESPACE}/${name}`)?.spec?.renewTime
  return Math.max(Date.parse(renewed ?? '') || 0, Date.parse(creationTimestamp ?? '') || 0, lastHeartbeat(node)) + GRACE_MS
}

/** When this node may lose its pods, in milliseconds since the epoch: undefined when not as things stand. One node at a time, at the rate of its zone. */
function evictionAt({ clock, memory }: ReconcileContext, node: Node, zones: ReadonlyMap<string, Zone>): number | undefined {
  const rate = evictionRate(zones, zoneOf(node))
  if (rate === 0) return undefined
  const lastMs = memory.get(zoneOf(node))
  return lastMs === undefined ? clock.now() : Math.max(clock.now(), lastMs + 1000 / rate)
}

/** Undefined until a kubelet, or this controller in its place, has said anything. */
const readyStatus = (node: Node): string | undefined => node.status?.conditions?.find(({ type }) => type === 'Ready')?.status

const lastHeartbeat = (node: Node): number =>
  Date.parse(node.status?.conditions?.find(({ type }) => type === 'Ready')?.lastHeartbeatTime ?? '') || 0

async function markUnknown({ client, clock, recorder }: ReconcileContext, node: Node): Promise<Node> {
  if (readyStatus(node) === 'Unknown') return node
  const now = formatTime(clock.now())
  const draft = deepClone(node)
  const types = ['Ready', ...Object.keys(PRESSURES)]
  const others = (draft.status?.conditions ?? []).filter(({ type }) => !types.includes(type))
  const unknown = types.map((type) => {
    const before = draft.status?.conditions?.find((condition) => condition.type === type)
    return {
      type,
      status: 'Unknown',
      reason: before === undefined ? 'NodeStatusNeverUpdated' : 'NodeStatusUnknown',
      message: before === undefined ? 'Kubelet never posted node status.' : 'Kubelet stopped posting node status.',
      lastHeartbeatTime: before?.lastHeartbeatTime ?? now,
      lastTransitionTime: before?.status === 'Unknown' && before.lastTransitionTime ? before.lastTransitionTime : now,
    }
  })
  draft.status = { ...draft.status, conditions: [...others, ...unknown] }
  recorder.event(node, 'Normal', 'NodeNotReady', `Node ${node.metadata?.name} status is now: NodeNotReady`)
  return client.updateStatus(nodes, draft)
}

/**
 * Taints that say what the conditions say; everybody else's taints stay. Those that evict wait for their turn: resolves with its time, in milliseconds since the
 * epoch, when it is yet to come.
 */
async function taint(context: ReconcileContext, node: Node): Promise<number | undefined> {
  const { client, clock, memory } = context
  const wanted: Taint[] = node.spec?.unschedulable ? [{ key: UNSCHEDULABLE, effect: 'NoSchedule' }] : []
  const ready = readyStatus(node)
  const trouble = ready === 'False' ? NOT_READY : ready === 'Unknown' ? UNREACHABLE : undefined
  let evictAtMs: number | undefined
  if (trouble !== undefined) {
    wanted.push({ key: trouble, effect: 'NoSchedule' })
    const isEvicting = node.spec?.taints?.some(
      ({ key, effect }) => effect === 'NoExecute' && (key === NOT_READY || key === UNREACHABLE),
    )
    // Seen now, and not as marked so far, so that the first of many lost nodes does not pass for a single one.
    const zones = zonesOf(
      context.cache(nodes).list(),
      (each) => readyStatus(each) === 'True' && lostAt(context, each) > clock.now(),
    )
    evictAtMs = evictionAt(context, node, zones)
    const mayStay = isEvicting && !isCutOff(zones)
    if (mayStay || (evictAtMs !== undefined && evictAtMs <= clock.now())) {
      wanted.push({ key: trouble, effect: 'NoExecute' })
      if (!isEvicting) memory.set(zoneOf(node), clock.now())
      evictAtMs = undefined
    }
  }
  for (const [type, name] of Object.entries(PRESSURES)) {
    if (node.status?.conditions?.find((condition) => condition.type === type)?.status === 'True')
      wanted.push({ key: `node.kubernetes.io/${name}`, effect: 'NoSchedule' })
  }
  const current = node.spec?.taints ?? []
  const same = (a: Taint, b: Taint): boolean => a.key === b.key && a.effect === b.effect
  const kept = current.filter((each) => !OWN_KEYS.has(each.key) || wanted.some((other) => same(each, other)))
  const added = wanted
    .filter((each) => !current.some((other) => same(each, other)))
    .map((each) => (each.effect === 'NoExecute' ? { ...each, timeAdded: formatTime(clock.now()) } : each))
  if (kept.length === current.length && added.length === 0) return evictAtMs
  const taints = [...kept, ...added]
  // The version guards against a taint that somebody else adds at the same moment.
  await client.patch(
    nodes,
    node.metadata?.name ?? '',
    { metadata: { resourceVersion: node.metadata?.resourceVersion }, spec: { taints: taints.length > 0 ? taints : null } },
    { type: 'merge' },
  )
  return evictAtMs
}

/** Services must not send to pods of a node that does not answer. */
async function markPodsNotReady({ cache, client, clock }: ReconcileContext, nodeName: string): Promise<void> {
  for (const pod of cache(pods).list()) {
    if (pod.spec?.nodeName !== nodeName) continue
    const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready')
    if (ready?.status !== 'True') continue
    const conditions = pod.status!.conditions!.map((condition) =>
      condition.type === 'Ready' ? { ...condition, status: 'False', lastTransitionTime: formatTime(clock.now()) } : condition,
    )
    await ignoreGone(client.patch(pods, keyOf(pod), { status: { conditions } }, { type: 'merge', subresource: 'status' }))
  }
}

/** Evicts pods from nodes with NoExecute taints once their toleration has run out. */
export const taintEviction = defineController({
  name: 'node-controller',
  flag: 'taint-eviction-controller',
  for: pods,
  watches: [
    watch(nodes, ({ metadata }, { cache }) =>
      cache(pods)
        .list()
        .filter(({ spec }) => spec?.nodeName === metadata?.name)
        .map(keyOf),
    ),
  ],
  async reconcile({ key, cache, client, clock, recorder, memory }) {
    const pod = cache(pods).get(key)
    const node = pod?.spec?.nodeName === undefined ? undefined : cache(nodes).get(pod.spec.nodeName)
    const taints = (node?.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute')
    if (pod === undefined || taints.length === 0 || pod.metadata?.deletionTimestamp !== undefined) {
      memory.delete(key)
      return done
    }
    // Whoever taints a node by hand says no time: what a pod tolerates counts from when it is seen.
    const seenMs = memory.get(key) ?? clock.now()
    memory.set(key, seenMs)
    const deadlineMs = evictionTime(pod, taints, seenMs)
    if (deadlineMs === undefined) return done
    if (deadlineMs > clock.now()) return requeueAt(deadlineMs)
    recorder.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`)
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
      lastTransitionTime: formatTime(clock.now()),
    }
    const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'DisruptionTarget')
    await ignoreGone(
      client.patch(pods, key, { status: { conditions: [...others, condition] } }, { type: 'merge', subresource: 'status' }),
    )
    await ignoreGone(client.delete(pods, key, { preconditions: { uid: pod.metadata?.uid ?? '' } }))
    return done
  },
})

/** Milliseconds since the epoch at which the pod has to leave; undefined when it may stay. */
function evictionTime(pod: Pod, taints: readonly Taint[], seenMs: number): number | undefined {
  let earliest: number | undefined
  for (const each of taints) {
    const tolerations = (pod.spec?.tolerations ?? []).filter((toleration) => tolerates(toleration, each))
    const seconds = tolerations.map(({ tolerationSeconds }) => tolerationSeconds)
    if (tolerations.length > 0 && seconds.every((value) => value === undefined)) continue
    const limit = tolerations.length === 0 ? 0 : Math.max(0, Math.min(...seconds.filter((value) => value !== undefined)))
    const atMs = (Date.parse(each.timeAdded ?? '') || seenMs) + limit * 1000
    earliest = earliest === undefined ? atMs : Math.min(earliest, atMs)
  }
  return earliest
}

async function ignoreGone(call: Promise<unknown>): Promise<void> {
  try {
    await call
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
