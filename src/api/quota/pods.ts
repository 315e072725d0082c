import { containersOf, isPodTerminal, podLimits, podRequests, qosClass, type ResourceList } from '../core/pod-facts.ts'
import type { Container, Pod, PodAffinityTerm } from '../generated/types.ts'
import type { Amounts } from './amounts.ts'
import { meets, type QuotaEvaluator } from './evaluator.ts'

const COMPUTE = ['cpu', 'memory', 'ephemeral-storage']
/** What every container must say of itself where a quota limits it; the rest may be left out. */
const REQUIRED = new Set(['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'])
const NAMES = new Set(['pods', 'count/pods', ...COMPUTE.flatMap((name) => [name, `requests.${name}`, `limits.${name}`])])

export const podEvaluator: QuotaEvaluator<Pod> = {
  counts: (name) =>
    NAMES.has(name) ||
    name.startsWith('hugepages-') ||
    name.startsWith('requests.hugepages-') ||
    (name.startsWith('requests.') && name.includes('/')),
  usage(pod) {
    // A pod that is over still is an object, but uses nothing.
    if (isOver(pod)) return { 'count/pods': '1' }
    return { 'count/pods': '1', pods: '1', ...computeUsage(podRequests(pod), podLimits(pod)) }
  },
  isInScope(pod, requirement) {
    switch (requirement.scopeName) {
      case 'Terminating':
        return isTerminating(pod)
      case 'NotTerminating':
        return !isTerminating(pod)
      case 'BestEffort':
        return qosClass(pod) === 'BestEffort'
      case 'NotBestEffort':
        return qosClass(pod) !== 'BestEffort'
      case 'PriorityClass':
        return meets(requirement, pod.spec?.priorityClassName || undefined)
      case 'CrossNamespacePodAffinity':
        return reachesOtherNamespaces(pod)
      default:
        return false
    }
  },
  unspecified(pod, names) {
    const required = names.filter((name) => REQUIRED.has(name))
    const missing = new Map<string, Set<string>>()
    const ofPod = podLevelUsage(pod)
    for (const container of containersOf(pod)) {
      const usage = { ...containerUsage(container), ...ofPod }
      for (const name of required) {
        if (usage[name] === undefined) missing.set(name, (missing.get(name) ?? new Set()).add(container.name))
      }
    }
    if (missing.size === 0) return undefined
    const said = [...missing.keys()].sort().map((name) => `${name} for: ${[...missing.get(name)!].sort().join(',')}`)
    return `must specify ${said.join('; ')}`
  },
  chargedOn: ['CREATE'],
  chargedSubresources: ['resize'],
}

const isOver = (pod: Pod): boolean => isPodTerminal(pod)

const isTerminating = ({ spec }: Pod): boolean => (spec?.activeDeadlineSeconds ?? -1) >= 0

const containerUsage = ({ resources }: Container): Amounts => computeUsage(resources?.requests ?? {}, resources?.limits ?? {})

const podLevelUsage = ({ spec }: Pod): Amounts => computeUsage(spec?.resources?.requests ?? {}, spec?.resources?.limits ?? {})

/** Requests count under their plain names too; extended resources and huge pages as requests only. */
function computeUsage(requests: ResourceList, limits: ResourceList): Amounts {
  const usage: Record<string, string> = {}
  for (const [name, quantity] of Object.entries(requests)) {
    if (COMPUTE.includes(name) || name.startsWith('hugepages-')) usage[name] = usage[`requests.${name}`] = quantity
    else if (name.includes('/')) usage[`requests.${name}`] = quantity
  }
  for (const [name, quantity] of Object.entries(limits)) if (COMPUTE.includes(name)) usage[`limits.${name}`] = quantity
  return usage
}

function reachesOtherNamespaces({ spec }: Pod): boolean {
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {}
  const terms = [podAffinity, podAntiAffinity].flatMap((each): PodAffinityTerm[] => [
    ...(each?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(each?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
  ])
  return terms.some(({ namespaces, namespaceSelector }) => Boolean(namespaces?.length) || namespaceSelector !== undefined)
}
