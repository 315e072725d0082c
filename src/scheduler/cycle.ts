import type { Pod } from '#api'
import type { Random } from '#base'
import { type Diagnosis, rulingOn } from './diagnosis.ts'
import {
  type Cycle,
  type Filters,
  type NodeInfo,
  type PostFiltered,
  podInfo,
  preFilter,
  type Ruling,
  type Snapshot,
  scoreNodes,
  type WeightedPlugin,
} from './framework/index.ts'
import type { Nominations } from './nominations.ts'

/** Clusters up to this size are searched whole. */
const FEASIBLE_NODES_MIN = 100
const FEASIBLE_PERCENTAGE_MIN = 5

export type Decision =
  | { readonly kind: 'placed'; readonly nodeName: string }
  | { readonly kind: 'unschedulable'; readonly diagnosis: Diagnosis; readonly postFiltered: PostFiltered | undefined }

/**
 * Chooses a node for one pod at a time: filter, then score what is left. Synchronous and without effects; whoever calls acts
 * on the decision before it asks again.
 */
export class Decider {
  readonly #plugins: readonly WeightedPlugin[]
  readonly #snapshot: Snapshot
  readonly #nominations: Nominations
  readonly #random: Random
  /** Where the next search begins, so that a search that stops early does not favour the first nodes. */
  #nextStart = 0

  constructor(options: {
    readonly plugins: readonly WeightedPlugin[]
    readonly snapshot: Snapshot
    readonly nominations: Nominations
    readonly random: Random
  }) {
    this.#plugins = options.plugins
    this.#snapshot = options.snapshot
    this.#nominations = options.nominations
    this.#random = options.random
  }

  decide(pod: Pod): Decision {
    const cycle: Cycle = { pod, info: podInfo(pod), snapshot: this.#snapshot }
    const nodeCount = this.#snapshot.nodes.length
    if (nodeCount === 0) {
      // Nobody was asked: what any filter waits for may help.
      const rejectedBy = new Set(
        this.#plugins.filter(({ plugin }) => plugin.filter !== undefined).map(({ plugin }) => plugin.name),
      )
      return { kind: 'unschedulable', diagnosis: { nodeCount, rulings: new Map(), rejectedBy }, postFiltered: undefined }
    }
    const prepared = preFilter(this.#plugins, cycle)
    if (prepared.kind === 'rejected') {
      const { ruling } = prepared
      const preFilterMessage = ruling.reasons.join(', ')
      const diagnosis = { nodeCount, preFilterMessage, rulings: new Map(), others: ruling, rejectedBy: new Set([ruling.plugin]) }
      return this.#fail(cycle, diagnosis, undefined)
    }
    const { filters, nodeNames, limitedBy } = prepared
    const rulings = new Map<string, Ruling>()
    const feasible = this.#feasible(cycle, filters, nodeNames, rulings)
    if (feasible.length === 0) {
      const others = nodeNames && limitation(limitedBy, nodeNames.size === 0)
      const rejectedBy = new Set([...rulings.values()].map(({ plugin }) => plugin))
      if (others !== undefined) for (const plugin of limitedBy) rejectedBy.add(plugin)
      const preFilterMessage = nodeNames?.size === 0 ? others?.reasons[0] : undefined
      return this.#fail(cycle, { nodeCount, preFilterMessage, rulings, others, rejectedBy }, filters)
    }
    return { kind: 'placed', nodeName: this.#best(cycle, feasible).name }
  }

  #fail(cycle: Cycle, diagnosis: Diagnosis, filters: Filters | undefined): Decision {
    let postFiltered: PostFiltered | undefined
    for (const { plugin } of this.#plugins) {
      postFiltered ??= plugin.postFilter?.(cycle.pod, {
        cycle,
        random: this.#random,
        rulingOn: (nodeName) => rulingOn(diagnosis, nodeName),
        filters,
        check: (changed, node) => this.#check(cycle, changed, node),
      })
    }
    return { kind: 'unschedulable', diagnosis, postFiltered }
  }

  #feasible(
    cycle: Cycle,
    filters: Filters,
    nodeNames: ReadonlySet<string> | undefined,
    rulings: Map<string, Ruling>,
  ): NodeInfo[] {
    // Room was made there on purpose: no need to look further if it still does.
    const promised = this.#snapshot.get(this.#nominations.nodeOf(cycle.pod) ?? '')
    if (promised !== undefined && (nodeNames?.has(promised.name) ?? true) && this.#check(cycle, filters, promised) === undefined)
      return [promised]
    const nodes =
      nodeNames === undefined ? this.#snapshot.nodes : [...nodeNames].flatMap((name) => this.#snapshot.get(name) ?? [])
    const wanted = feasibleNodesWanted(nodes.length)
    const feasible: NodeInfo[] = []
    let looked = 0
    for (; looked < nodes.length && feasible.length < wanted; looked++) {
      const node = nodes[(this.#nextStart + looked) % nodes.length]!
      const ruling = this.#check(cycle, filters, node)
      if (ruling === undefined) feasible.push(node)
      else rulings.set(node.name, ruling)
    }
    if (nodes.length > 0) this.#nextStart = (this.#nextStart + looked) % nodes.length
    return feasible
  }

  /**
   * Pods nominated to the node count as if they were there, unless they are less important; but the pod must also fit without
   * them, because they may never come and affinity must not rest on them.
   */
  #check(cycle: Cycle, filters: Filters, node: NodeInfo): Ruling | undefined {
    const expected = [...this.#nominations.on(node.name)].filter(
      ({ id, priority }) => id !== cycle.info.id && priority >= cycle.info.priority,
    )
    if (expected.length > 0) {
      const [withThem, crowded] = [filters.clone(), node.clone()]
      for (const other of expected) withThem.add(other, crowded)
      const ruling = withThem.run(crowded)
      if (ruling !== undefined) return ruling
    }
    return filters.run(node)
  }

  #best(cycle: Cycle, feasible: readonly NodeInfo[]): NodeInfo {
    if (feasible.length === 1) return feasible[0]!
    const scores = scoreNodes(this.#plugins, cycle, feasible)
    const highest = scores.reduce((most, score) => Math.max(most, score), 0)
    const best = feasible.filter((_, at) => scores[at] === highest)
    return best[this.#random.int(best.length)]!
  }
}

/** How many feasible nodes are enough: half of a small cluster, down to 5 % of a very large one. */
export function feasibleNodesWanted(nodeCount: number): number {
  if (nodeCount < FEASIBLE_NODES_MIN) return nodeCount
  const percentage = Math.max(50 - Math.floor(nodeCount / 125), FEASIBLE_PERCENTAGE_MIN)
  return Math.max(Math.floor((nodeCount * percentage) / 100), FEASIBLE_NODES_MIN)
}

function limitation(limitedBy: readonly string[], contradictory: boolean): Ruling {
  const together = contradictory && limitedBy.length > 1 ? ' simultaneously' : ''
  const reason = `node(s) didn't satisfy plugin(s) [${limitedBy.join(' ')}]${together}`
  return { kind: 'unresolvable', reasons: [reason], plugin: limitedBy[0]! }
}
