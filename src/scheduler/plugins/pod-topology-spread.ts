import { nodes, type Pod, pods } from '#api'
import {
  type Cycle,
  definePlugin,
  fits,
  type NodeInfo,
  on,
  type PodInfo,
  type PreScored,
  podId,
  podKey,
  SCORE_MAX,
  skip,
  unresolvable,
  unschedulable,
} from '../framework/index.ts'
import { constraintsOf, counts, defaultConstraintsOf, type SpreadConstraint } from './spread-constraint.ts'

const MISMATCH = "node(s) didn't match pod topology spread constraints"
const HOSTNAME = 'kubernetes.io/hostname'

interface FilterState {
  readonly constraints: readonly SpreadConstraint[]
  /** For each constraint, matching pods by domain; a domain without any has 0. */
  readonly domains: readonly Map<string, number>[]
}

interface ScoreState {
  readonly constraints: readonly SpreadConstraint[]
  readonly domains: readonly (Map<string, number> | undefined)[]
  readonly weights: readonly number[]
  /** Nodes that lack a topology label score nothing. */
  readonly ignored: ReadonlySet<NodeInfo>
}

/** Spreads pods over zones, nodes or any other topology. */
export const podTopologySpread = definePlugin<FilterState, ScoreState>({
  name: 'PodTopologySpread',
  preFilter(pod, { snapshot }) {
    const constraints = constraintsOf(pod, 'DoNotSchedule')
    if (constraints.length === 0) return skip
    const domains = constraints.map(() => new Map<string, number>())
    for (const node of snapshot.nodes) {
      if (constraints.some(({ topologyKey }) => node.labels[topologyKey] === undefined)) continue
      for (const [at, constraint] of constraints.entries()) {
        if (!counts(constraint, pod, node.node)) continue
        const domain = node.labels[constraint.topologyKey]!
        domains[at]!.set(domain, (domains[at]!.get(domain) ?? 0) + matching(constraint, pod, node))
      }
    }
    return { kind: 'state', state: { constraints, domains } }
  },
  whatIf: {
    clone: ({ constraints, domains }) => ({ constraints, domains: domains.map((domain) => new Map(domain)) }),
    add: (state, cycle, other, node) => adjust(state, cycle, other, node, 1),
    remove: (state, cycle, other, node) => adjust(state, cycle, other, node, -1),
  },
  filter(pod, { labels }, { constraints, domains }) {
    for (const [at, constraint] of constraints.entries()) {
      const domain = labels[constraint.topologyKey]
      if (domain === undefined) return unresolvable(`${MISMATCH} (missing required label)`)
      const self = constraint.selects(pod.metadata?.labels ?? {}) ? 1 : 0
      const skew = (domains[at]!.get(domain) ?? 0) + self - emptiest(domains[at]!, constraint)
      if (skew > constraint.maxSkew) return unschedulable(MISMATCH)
    }
    return fits
  },
  preScore(pod, candidates, cycle) {
    return prepareScores(pod, candidates, cycle)
  },
  score(pod, node, { constraints, domains, weights, ignored }) {
    if (ignored.has(node)) return 0
    let sum = 0
    for (const [at, constraint] of constraints.entries()) {
      const domain = node.labels[constraint.topologyKey]
      if (domain === undefined) continue
      // Every node is its own host: counted when asked for, not for all beforehand.
      const count = domains[at] === undefined ? matching(constraint, pod, node) : (domains[at].get(domain) ?? 0)
      sum += count * weights[at]! + (constraint.maxSkew - 1)
    }
    return Math.round(sum)
  },
  normalize: (scores, candidates, { ignored }) => favourEmptier(scores, candidates, ignored),
  requeueOn: [
    on(pods, ({ before, after }, pod) => podMatters(before, after, pod)),
    on(nodes, ({ before, after }, pod) => {
      const keys = constraintsOf(pod, 'DoNotSchedule').map(({ topologyKey }) => topologyKey)
      const domainsOf = (labels: Readonly<Record<string, string>> | undefined): string =>
        JSON.stringify(keys.map((key) => labels?.[key]))
      return (
        before === undefined || after === undefined || domainsOf(before.metadata?.labels) !== domainsOf(after.metadata?.labels)
      )
    }),
  ],
})

/** Pods of the incoming pod's namespace on the node that the constraint counts; those on their way out do not. */
function matching(constraint: SpreadConstraint, pod: Pod, node: NodeInfo): number {
  let count = 0
  for (const other of node.pods.values()) if (isCounted(constraint, pod, other.pod)) count++
  return count
}

function isCounted({ selects }: SpreadConstraint, pod: Pod, other: Pod): boolean {
  const { namespace, deletionTimestamp, labels = {} } = other.metadata ?? {}
  return deletionTimestamp === undefined && namespace === pod.metadata?.namespace && selects(labels)
}

/** The least number of matching pods in a domain; 0 as long as there are fewer domains than wanted. */
function emptiest(domains: ReadonlyMap<string, number>, { minDomains }: SpreadConstraint): number {
  if (domains.size < minDomains) return 0
  let least = Number.POSITIVE_INFINITY
  for (const count of domains.values()) least = Math.min(least, count)
  return domains.size === 0 ? 0 : least
}

function adjust({ constraints, domains }: FilterState, { pod }: Cycle, other: PodInfo, node: NodeInfo, by: 1 | -1): void {
  if (constraints.some(({ topologyKey }) => node.labels[topologyKey] === undefined)) return
  for (const [at, constraint] of constraints.entries()) {
    if (!isCounted(constraint, pod, other.pod) || !counts(constraint, pod, node.node)) continue
    const domain = node.labels[constraint.topologyKey]!
    domains[at]!.set(domain, (domains[at]!.get(domain) ?? 0) + by)
  }
}

function prepareScores(pod: Pod, candidates: readonly NodeInfo[], { snapshot }: Cycle): PreScored<ScoreState> {
  const own = constraintsOf(pod, 'ScheduleAnyway')
  const hasOwn = (pod.spec?.topologySpreadConstraints ?? []).length > 0
  const constraints = hasOwn ? own : defaultConstraintsOf(pod, snapshot.lookups)
  if (constraints.length === 0) return skip
  // The cluster's defaults speak of zones also where there are none: then a missing label costs nothing.
  const lacks = (node: NodeInfo): boolean =>
    hasOwn && constraints.some(({ topologyKey }) => node.labels[topologyKey] === undefined)
  const ignored = new Set(candidates.filter(lacks))
  const domains = constraints.map(({ topologyKey }) => (topologyKey === HOSTNAME ? undefined : new Map<string, number>()))
  for (const node of candidates) {
    if (ignored.has(node)) continue
    for (const [at, { topologyKey }] of constraints.entries()) {
      const domain = node.labels[topologyKey]
      if (domain !== undefined) domains[at]?.set(domain, 0)
    }
  }
  for (const node of snapshot.nodes) {
    if (lacks(node)) continue
    for (const [at, constraint] of constraints.entries()) {
      const domain = node.labels[constraint.topologyKey]
      const count = domain === undefined ? undefined : domains[at]?.get(domain)
      if (count === undefined || !counts(constraint, pod, node.node)) continue
      domains[at]!.set(domain!, count + matching(constraint, pod, node))
    }
  }
  // A topology of few domains would outweigh one of many: each counts by the logarithm of its size.
  const weights = domains.map((byDomain) => Math.log((byDomain?.size ?? candidates.length - ignored.size) + 2))
  return { kind: 'state', state: { constraints, domains, weights, ignored } }
}

function favourEmptier(scores: number[], candidates: readonly NodeInfo[], ignored: ReadonlySet<NodeInfo>): void {
  const counted = scores.filter((_, at) => !ignored.has(candidates[at]!))
  const least = counted.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const most = counted.reduce((a, b) => Math.max(a, b), 0)
  for (const [at, score] of scores.entries()) {
    if (ignored.has(candidates[at]!)) scores[at] = 0
    else scores[at] = most === 0 ? SCORE_MAX : Math.floor((SCORE_MAX * (most + least - score)) / most)
  }
}

function podMatters(before: Pod | undefined, after: Pod | undefined, pod: Pod): boolean {
  const other = after ?? before!
  if (podId(other) === podId(pod)) return true
  if (other.metadata?.namespace !== pod.metadata?.namespace || podKey(other) === podKey(pod)) return false
  const constraints = constraintsOf(pod, 'DoNotSchedule')
  const counted = (candidate: Pod | undefined): string =>
    candidate?.spec?.nodeName === undefined ? '' : constraints.map((constraint) => isCounted(constraint, pod, candidate)).join()
  return counted(before) !== counted(after)
}
