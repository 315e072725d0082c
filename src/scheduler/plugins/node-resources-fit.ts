import { type Node, nodes, type Pod, pods } from '#api'
import {
  type Amounts,
  allocatableOf,
  definePlugin,
  fits,
  type NodeInfo,
  on,
  type PodInfo,
  podId,
  podInfo,
  SCORE_MAX,
  unresolvable,
  unschedulable,
} from '../framework/index.ts'

/** What least-allocated scoring weighs, each alike. */
const SCORED_RESOURCES = ['cpu', 'memory']

/** A node must have room for what a pod requests; emptier nodes are better. */
export const nodeResourcesFit = definePlugin<PodInfo, PodInfo>({
  name: 'NodeResourcesFit',
  preFilter: (_pod, { info }) => ({ kind: 'state', state: info }),
  filter(_pod, node, info) {
    const lacking = shortages(info, node)
    if (lacking.length === 0) return fits
    const reasons = lacking.map(({ reason }) => reason)
    // More than the node has at all: no eviction can free it.
    return lacking.some(({ hopeless }) => hopeless) ? unresolvable(...reasons) : unschedulable(...reasons)
  },
  preScore: (_pod, _nodes, { info }) => ({ kind: 'state', state: info }),
  score(_pod, { allocatable, scoringRequested }, { scoringRequests }) {
    let sum = 0
    let weights = 0
    for (const name of SCORED_RESOURCES) {
      const capacity = allocatable.get(name) ?? 0
      if (capacity === 0) continue
      const requested = (scoringRequested.get(name) ?? 0) + (scoringRequests.get(name) ?? 0)
      sum += requested > capacity ? 0 : Math.floor(((capacity - requested) * SCORE_MAX) / capacity)
      weights++
    }
    return weights === 0 ? 0 : Math.floor(sum / weights)
  },
  requeueOn: [
    on(pods, ({ before, after }, pod) => freesRoom(before, after, pod)),
    on(nodes, ({ before, after }, pod) => after !== undefined && holds(after, pod) && !(before && sameRoom(before, after))),
  ],
})

interface Shortage {
  readonly reason: string
  readonly hopeless: boolean
}

function shortages({ requests }: PodInfo, node: NodeInfo): Shortage[] {
  const lacking: Shortage[] = []
  const podsAllowed = node.allocatable.get('pods') ?? 0
  if (node.pods.size + 1 > podsAllowed) lacking.push({ reason: 'Too many pods', hopeless: podsAllowed === 0 })
  for (const [name, amount] of requests) {
    if (amount === 0) continue
    const capacity = node.allocatable.get(name) ?? 0
    if (amount > capacity - (node.requested.get(name) ?? 0))
      lacking.push({ reason: `Insufficient ${name}`, hopeless: amount > capacity })
  }
  return lacking
}

/** A pod left its node or asks for less there, or the waiting pod itself asks for less. */
function freesRoom(before: Pod | undefined, after: Pod | undefined, pod: Pod): boolean {
  if (before === undefined) return false
  const isSelf = podId(before) === podId(pod)
  if (!isSelf && !before.spec?.nodeName) return after === undefined && Boolean(before.status?.nominatedNodeName)
  if (after === undefined) return !isSelf
  const [had, has] = [podInfo(before).requests, podInfo(after).requests]
  return [...had].some(([name, amount]) => (has.get(name) ?? 0) < amount)
}

function holds(node: Node, pod: Pod): boolean {
  const allocatable = allocatableOf(node)
  for (const [name, amount] of podInfo(pod).requests) if (amount > (allocatable.get(name) ?? 0)) return false
  return true
}

function sameRoom(before: Node, after: Node): boolean {
  const [had, has]: [Amounts, Amounts] = [allocatableOf(before), allocatableOf(after)]
  return [...has].every(([name, amount]) => amount <= (had.get(name) ?? 0))
}
