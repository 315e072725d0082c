import type { Affinity, Pod, PodAffinityTerm, WeightedPodAffinityTerm } from '#api'
import { matcherOf } from './matcher.ts'
import { type Amounts, podAmounts, podScoringAmounts } from './resources.ts'

export interface HostPort {
  readonly ip: string
  readonly protocol: string
  readonly port: number
}

/** A pod (anti-)affinity term with its selectors compiled. `undefined` selectors match nothing, as upstream's nil. */
export interface AffinityTerm {
  readonly topologyKey: string
  readonly namespaces: ReadonlySet<string>
  readonly selects: (labels: Readonly<Record<string, string>>) => boolean
  /** Absent when the term names namespaces only. */
  readonly selectsNamespace: ((labels: Readonly<Record<string, string>>) => boolean) | undefined
}

export interface WeightedTerm {
  readonly weight: number
  readonly term: AffinityTerm
}

/** What scheduling asks of a pod again and again, worked out once for each version of it. */
export interface PodInfo {
  readonly pod: Pod
  /** The UID, or the key for pods that have none (tests). */
  readonly id: string
  readonly requests: Amounts
  readonly scoringRequests: Amounts
  readonly hostPorts: readonly HostPort[]
  readonly priority: number
  readonly requiredAffinity: readonly AffinityTerm[]
  readonly requiredAntiAffinity: readonly AffinityTerm[]
  readonly preferredAffinity: readonly WeightedTerm[]
  readonly preferredAntiAffinity: readonly WeightedTerm[]
}

const infos = new WeakMap<Pod, PodInfo>()

export function podInfo(pod: Pod): PodInfo {
  let info = infos.get(pod)
  if (info === undefined) {
    info = compute(pod)
    infos.set(pod, info)
  }
  return info
}

export function podId(pod: Pod): string {
  return pod.metadata?.uid ?? podKey(pod)
}

export function podKey(pod: Pod): string {
  return `${pod.metadata?.namespace ?? ''}/${pod.metadata?.name ?? ''}`
}

/** Whether `term` of a pod selects `other`, given the labels of the other's namespace. */
export function termSelects(
  term: AffinityTerm,
  other: Pod,
  namespaceLabels: (namespace: string) => Readonly<Record<string, string>> | undefined,
): boolean {
  const namespace = other.metadata?.namespace ?? ''
  const inNamespace = term.namespaces.has(namespace) || (term.selectsNamespace?.(namespaceLabels(namespace) ?? {}) ?? false)
  return inNamespace && term.selects(other.metadata?.labels ?? {})
}

function compute(pod: Pod): PodInfo {
  const affinity: Affinity = pod.spec?.affinity ?? {}
  const terms = (list: readonly PodAffinityTerm[] | undefined): AffinityTerm[] =>
    (list ?? []).map((term) => affinityTerm(pod, term))
  const weighted = (list: readonly WeightedPodAffinityTerm[] | undefined): WeightedTerm[] =>
    (list ?? []).map(({ weight, podAffinityTerm }) => ({ weight, term: affinityTerm(pod, podAffinityTerm) }))
  return {
    pod,
    id: podId(pod),
    requests: podAmounts(pod),
    scoringRequests: podScoringAmounts(pod),
    hostPorts: hostPortsOf(pod),
    priority: pod.spec?.priority ?? 0,
    requiredAffinity: terms(affinity.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    requiredAntiAffinity: terms(affinity.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferredAffinity: weighted(affinity.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    preferredAntiAffinity: weighted(affinity.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
  }
}

function affinityTerm(pod: Pod, term: PodAffinityTerm): AffinityTerm {
  const { namespaceSelector } = term
  const named = new Set(term.namespaces ?? [])
  if (named.size === 0 && namespaceSelector === undefined) named.add(pod.metadata?.namespace ?? '')
  return {
    topologyKey: term.topologyKey,
    namespaces: named,
    // The API server has merged matchLabelKeys into the selector when it created the pod.
    selects: matcherOf(term.labelSelector),
    selectsNamespace: namespaceSelector === undefined ? undefined : matcherOf(namespaceSelector),
  }
}

function hostPortsOf(pod: Pod): HostPort[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')
  return [...(pod.spec?.containers ?? []), ...sidecars].flatMap((container) =>
    (container.ports ?? [])
      .filter(({ hostPort }) => hostPort !== undefined && hostPort > 0)
      .map(({ hostIP, protocol, hostPort }) => ({ ip: hostIP || '0.0.0.0', protocol: protocol || 'TCP', port: hostPort! })),
  )
}
