import { nodes, type Pod, pods } from '#api'
import {
  type AffinityTerm,
  type Cycle,
  definePlugin,
  fits,
  type NodeInfo,
  on,
  type PodInfo,
  type PreScored,
  podId,
  podInfo,
  SCORE_MAX,
  type Snapshot,
  skip,
  termSelects,
  unresolvable,
  unschedulable,
} from '../framework/index.ts'

/** What a pod already in place adds to a node's score by requiring the incoming pod's company. */
const HARD_AFFINITY_WEIGHT = 1

/** Number of matching pods by topology key and value: `{ zone: { a: 2 } }`. */
type TopologyCounts = Map<string, Map<string, number>>

interface FilterState {
  /** Pods in place whose required anti-affinity keeps the incoming pod away. */
  readonly repelling: TopologyCounts
  /** Pods in place that every affinity term of the incoming pod selects. */
  readonly attracting: TopologyCounts
  /** Pods in place that an anti-affinity term of the incoming pod selects. */
  readonly avoided: TopologyCounts
}

/** Keeps pods near and away from others, by the topology (zone, node …) that their terms name. */
export const interPodAffinity = definePlugin<FilterState, TopologyCounts>({
  name: 'InterPodAffinity',
  preFilter(_pod, cycle) {
    const { info, snapshot } = cycle
    const state: FilterState = { repelling: new Map(), attracting: new Map(), avoided: new Map() }
    const selective = info.requiredAffinity.length + info.requiredAntiAffinity.length > 0
    for (const node of selective ? snapshot.nodes : snapshot.nodesWithRequiredAntiAffinity)
      for (const other of node.pods.values()) count(state, cycle, other, node, 1)
    return !selective && state.repelling.size === 0 ? skip : { kind: 'state', state }
  },
  whatIf: {
    clone: ({ repelling, attracting, avoided }) => ({
      repelling: copyOf(repelling),
      attracting: copyOf(attracting),
      avoided: copyOf(avoided),
    }),
    add: (state, cycle, other, node) => count(state, cycle, other, node, 1),
    remove: (state, cycle, other, node) => count(state, cycle, other, node, -1),
  },
  filter(pod, { labels }, state) {
    const info = podInfo(pod)
    if (!isAttracted(info, labels, state)) return unresolvable("node(s) didn't match pod affinity rules")
    if (info.requiredAntiAffinity.some(({ topologyKey }) => at(state.avoided, topologyKey, labels) > 0))
      return unschedulable("node(s) didn't match pod anti-affinity rules")
    if ([...state.repelling.keys()].some((topologyKey) => at(state.repelling, topologyKey, labels) > 0))
      return unschedulable("node(s) didn't satisfy existing pods anti-affinity rules")
    return fits
  },
  preScore(_pod, _nodes, { info, snapshot }): PreScored<TopologyCounts> {
    const scores: TopologyCounts = new Map()
    const selective = info.preferredAffinity.length + info.preferredAntiAffinity.length > 0
    for (const node of selective ? snapshot.nodes : snapshot.nodesWithAffinity)
      for (const other of node.pods.values()) weigh(scores, info, other, node, snapshot)
    return scores.size === 0 ? skip : { kind: 'state', state: scores }
  },
  score(_pod, { labels }, scores) {
    let sum = 0
    for (const topologyKey of scores.keys()) sum += at(scores, topologyKey, labels)
    return sum
  },
  normalize: spread,
  requeueOn: [
    on(pods, ({ before, after }, pod) => podMatters(before, after, pod)),
    on(
      nodes,
      ({ before, after }) =>
        after !== undefined && JSON.stringify(before?.metadata?.labels) !== JSON.stringify(after.metadata?.labels),
    ),
  ],
})

function count(state: FilterState, { pod, info, snapshot }: Cycle, other: PodInfo, { labels }: NodeInfo, sign: 1 | -1): void {
  const selects = (term: AffinityTerm, target: Pod): boolean => termSelects(term, target, snapshot.lookups.namespaceLabels)
  for (const term of other.requiredAntiAffinity) if (selects(term, pod)) bump(state.repelling, term.topologyKey, labels, sign)
  for (const term of info.requiredAntiAffinity) if (selects(term, other.pod)) bump(state.avoided, term.topologyKey, labels, sign)
  if (info.requiredAffinity.length > 0 && info.requiredAffinity.every((term) => selects(term, other.pod)))
    for (const { topologyKey } of info.requiredAffinity) bump(state.attracting, topologyKey, labels, sign)
}

/** The first pod of a group that wants its own company is let in: nobody could ever be first otherwise. */
function isAttracted(info: PodInfo, labels: Readonly<Record<string, string>>, { attracting }: FilterState): boolean {
  if (info.requiredAffinity.some(({ topologyKey }) => labels[topologyKey] === undefined)) return false
  if (info.requiredAffinity.every(({ topologyKey }) => at(attracting, topologyKey, labels) > 0)) return true
  return attracting.size === 0 && info.requiredAffinity.every((term) => termSelects(term, info.pod, () => undefined))
}

function weigh(scores: TopologyCounts, info: PodInfo, other: PodInfo, { labels }: NodeInfo, { lookups }: Snapshot): void {
  const { namespaceLabels } = lookups
  const rate = (term: AffinityTerm, target: Pod, weight: number): void => {
    if (termSelects(term, target, namespaceLabels)) bump(scores, term.topologyKey, labels, weight)
  }
  for (const { term, weight } of info.preferredAffinity) rate(term, other.pod, weight)
  for (const { term, weight } of info.preferredAntiAffinity) rate(term, other.pod, -weight)
  for (const term of other.requiredAffinity) rate(term, info.pod, HARD_AFFINITY_WEIGHT)
  for (const { term, weight } of other.preferredAffinity) rate(term, info.pod, weight)
  for (const { term, weight } of other.preferredAntiAffinity) rate(term, info.pod, -weight)
}

function spread(scores: number[]): void {
  const least = scores.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const range = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY) - least
  for (const [index, score] of scores.entries()) scores[index] = range > 0 ? Math.floor((SCORE_MAX * (score - least)) / range) : 0
}

/** A pod arrived, left or changed its labels on a node, and one of the waiting pod's terms, or one of its own, is about it. */
function podMatters(before: Pod | undefined, after: Pod | undefined, pod: Pod): boolean {
  if (after !== undefined && podId(after) === podId(pod)) return true
  const relevant = [before, after].filter((other) => other?.spec?.nodeName !== undefined)
  const sameLabels = JSON.stringify(before?.metadata?.labels) === JSON.stringify(after?.metadata?.labels)
  const samePlace = before?.spec?.nodeName === after?.spec?.nodeName
  if (relevant.length === 0 || (before !== undefined && after !== undefined && sameLabels && samePlace)) return false
  const info = podInfo(pod)
  // The labels of namespaces are not at hand here: a term with a namespace selector counts as a match.
  const selects = (term: AffinityTerm, other: Pod): boolean =>
    term.selectsNamespace !== undefined ? term.selects(other.metadata?.labels ?? {}) : termSelects(term, other, () => undefined)
  return relevant.some(
    (other) =>
      [...info.requiredAffinity, ...info.requiredAntiAffinity].some((term) => selects(term, other!)) ||
      podInfo(other!).requiredAntiAffinity.some((term) => selects(term, pod)),
  )
}

function bump(counts: TopologyCounts, topologyKey: string, labels: Readonly<Record<string, string>>, by: number): void {
  const value = labels[topologyKey]
  if (value === undefined) return
  const byValue = counts.get(topologyKey) ?? new Map<string, number>()
  const sum = (byValue.get(value) ?? 0) + by
  if (sum === 0) byValue.delete(value)
  else byValue.set(value, sum)
  if (byValue.size === 0) counts.delete(topologyKey)
  else counts.set(topologyKey, byValue)
}

function at(counts: TopologyCounts, topologyKey: string, labels: Readonly<Record<string, string>>): number {
  const value = labels[topologyKey]
  return value === undefined ? 0 : (counts.get(topologyKey)?.get(value) ?? 0)
}

function copyOf(counts: TopologyCounts): TopologyCounts {
  return new Map([...counts].map(([key, byValue]) => [key, new Map(byValue)]))
}
