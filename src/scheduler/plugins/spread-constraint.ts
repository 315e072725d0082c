import type { Node, Pod, TopologySpreadConstraint } from '#api'
import type { LabelSelector } from '#meta'
import { admitsNode, type Lookups, matcherOf, untolerated } from '../framework/index.ts'

/** A topology spread constraint of one pod, ready to be counted by. */
export interface SpreadConstraint {
  readonly topologyKey: string
  readonly maxSkew: number
  readonly minDomains: number
  readonly selects: (labels: Readonly<Record<string, string>>) => boolean
  readonly honorsAffinity: boolean
  readonly honorsTaints: boolean
}

const HOSTNAME = 'kubernetes.io/hostname'
const ZONE = 'topology.kubernetes.io/zone'

/** What pods of a Service or a workload get when they set no constraints of their own. */
const SYSTEM_DEFAULTS = [
  { topologyKey: HOSTNAME, maxSkew: 3, whenUnsatisfiable: 'ScheduleAnyway' },
  { topologyKey: ZONE, maxSkew: 5, whenUnsatisfiable: 'ScheduleAnyway' },
] as const

/** The pod's own constraints with this action. */
export function constraintsOf(pod: Pod, action: 'DoNotSchedule' | 'ScheduleAnyway'): SpreadConstraint[] {
  return (pod.spec?.topologySpreadConstraints ?? [])
    .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === action)
    .map((constraint) => compile(constraint, withLabelKeys(constraint, pod)))
}

/** The cluster's default constraints, for a pod that belongs to a Service or a workload; they never forbid. */
export function defaultConstraintsOf(pod: Pod, lookups: Lookups): SpreadConstraint[] {
  const selects = companions(pod, lookups)
  if (selects === undefined) return []
  return SYSTEM_DEFAULTS.map(({ topologyKey, maxSkew }) => ({
    topologyKey,
    maxSkew,
    minDomains: 1,
    selects,
    honorsAffinity: true,
    honorsTaints: false,
  }))
}

/** Whether the constraint counts pods on this node. */
export function counts(constraint: SpreadConstraint, pod: Pod, node: Node): boolean {
  if (constraint.honorsAffinity && !admitsNode(pod, node)) return false
  return !constraint.honorsTaints || untolerated(pod, node.spec?.taints, ['NoSchedule', 'NoExecute']).length === 0
}

function compile(constraint: TopologySpreadConstraint, selector: LabelSelector | undefined): SpreadConstraint {
  return {
    topologyKey: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    selects: matcherOf(selector),
    honorsAffinity: constraint.nodeAffinityPolicy !== 'Ignore',
    honorsTaints: constraint.nodeTaintsPolicy === 'Honor',
  }
}

/** Adds the pod's own values of matchLabelKeys; what the API server already merged is merely said twice. */
function withLabelKeys({ labelSelector, matchLabelKeys = [] }: TopologySpreadConstraint, pod: Pod): LabelSelector | undefined {
  const labels = pod.metadata?.labels ?? {}
  const added = matchLabelKeys
    .filter((key) => Object.hasOwn(labels, key))
    .map((key) => ({ key, operator: 'In', values: [labels[key]!] }))
  if (added.length === 0) return labelSelector
  return { ...labelSelector, matchExpressions: [...(labelSelector?.matchExpressions ?? []), ...added] }
}

/** Selects the pods of the same Services and the same owner; undefined when there are neither. */
function companions(pod: Pod, lookups: Lookups): SpreadConstraint['selects'] | undefined {
  const namespace = pod.metadata?.namespace ?? ''
  const labels = pod.metadata?.labels ?? {}
  const selectors: LabelSelector[] = []
  for (const { spec } of lookups.services(namespace)) {
    const selector = spec?.selector ?? {}
    const entries = Object.entries(selector)
    if (entries.length > 0 && entries.every(([key, value]) => labels[key] === value)) selectors.push({ matchLabels: selector })
  }
  const owner = pod.metadata?.ownerReferences?.find(({ controller }) => controller)
  const owned = owner && lookups.ownerSelector(owner.kind, namespace, owner.name)
  if (owned !== undefined) selectors.push(owned)
  if (selectors.length === 0) return undefined
  const compiled = selectors.map((selector) => matcherOf(selector))
  return (candidate) => compiled.every((selects) => selects(candidate))
}
