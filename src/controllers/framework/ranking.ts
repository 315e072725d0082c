import { isPodReady, type Pod } from '#api'

const PHASE_ORDER: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 }

/** Whom a scale-down takes first: unassigned, pending, not ready, cheap to delete, recently ready, often restarted, young. */
export function rankForDeletion(candidates: readonly Pod[]): Pod[] {
  const onNode = new Map<string, number>()
  for (const { spec } of candidates) if (spec?.nodeName) onNode.set(spec.nodeName, (onNode.get(spec.nodeName) ?? 0) + 1)
  const keys: ((pod: Pod) => number)[] = [
    ({ spec }) => (spec?.nodeName ? 1 : 0),
    ({ status }) => PHASE_ORDER[status?.phase ?? 'Pending'] ?? 1,
    (pod) => (isPodReady(pod) ? 1 : 0),
    ({ metadata }) => Number(metadata?.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0),
    ({ spec }) => -(onNode.get(spec?.nodeName ?? '') ?? 0),
    (pod) => (isPodReady(pod) ? -bucket(pod.status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime) : 0),
    ({ status }) => -Math.max(0, ...(status?.containerStatuses ?? []).map(({ restartCount }) => restartCount)),
    ({ metadata }) => -bucket(metadata?.creationTimestamp),
  ]
  return [...candidates].sort((a, b) => {
    for (const keyed of keys) {
      const difference = keyed(a) - keyed(b)
      if (difference !== 0) return difference
    }
    return (a.metadata?.uid ?? '') < (b.metadata?.uid ?? '') ? -1 : 1
  })
}

const bucket = (time: string | undefined): number => Date.parse(time ?? '') || 0
