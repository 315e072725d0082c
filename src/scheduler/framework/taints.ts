import { type Pod, type Taint, untoleratedTaints } from '#api'

/** Taints of the given effects that none of the pod's tolerations covers. */
export function untolerated(
  pod: Pod,
  taints: readonly Taint[] | undefined,
  effects: readonly ('NoSchedule' | 'PreferNoSchedule' | 'NoExecute')[],
): readonly Taint[] {
  return taints === undefined ? [] : untoleratedTaints(taints, pod.spec?.tolerations, effects)
}
