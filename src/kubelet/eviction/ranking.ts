import { type Pod, podRequests } from '#api'
import { quantityValue } from '#meta'

export interface Candidate {
  readonly pod: Pod
  /** Of what is low, all in all and by container. */
  readonly used: number
  readonly containers: ReadonlyMap<string, number>
}

export const priorityOf = ({ spec }: Pod): number => spec?.priority ?? 0

/**
 * Who goes first: whoever uses more than it asked for, then the less important, then by how much
 * (https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#pod-selection-for-kubelet-eviction).
 */
export function rankForEviction(candidates: readonly Candidate[], resource: string): Candidate[] {
  const excess = ({ pod, used }: Candidate): number => used - quantityValue(podRequests(pod)[resource] ?? '0')
  return [...candidates].sort(
    (a, b) => Number(excess(b) > 0) - Number(excess(a) > 0) || priorityOf(a.pod) - priorityOf(b.pod) || excess(b) - excess(a),
  )
}

/** Containers that used more than they asked for, as the pod's message names them. */
export function evictionMessage(
  resource: string,
  threshold: string,
  available: string,
  candidate: Candidate,
  print: (value: number) => string,
): string {
  let message = `The node was low on resource: ${resource}. Threshold quantity: ${threshold}, available: ${available}. `
  for (const { name, resources } of candidate.pod.spec?.containers ?? []) {
    const used = candidate.containers.get(name)
    const request = resources?.requests?.[resource] ?? '0'
    if (used !== undefined && used > quantityValue(request))
      message += `Container ${name} was using ${print(used)}, request is ${request}, has larger consumption of ${resource}. `
  }
  return message
}
