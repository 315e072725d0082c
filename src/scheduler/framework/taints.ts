import type { Pod, Taint, Toleration } from '#api'

export type TaintEffect = 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute'

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false
  if (toleration.key && toleration.key !== taint.key) return false
  if (toleration.operator === 'Exists') return true
  // An empty key stands for every key only with Exists.
  return Boolean(toleration.key) && (toleration.value ?? '') === (taint.value ?? '')
}

/** Taints of the given effects that none of the pod's tolerations covers. */
export function untolerated(pod: Pod, taints: readonly Taint[] | undefined, effects: readonly TaintEffect[]): Taint[] {
  return (taints ?? []).filter(
    (taint) =>
      effects.includes(taint.effect as TaintEffect) &&
      !(pod.spec?.tolerations ?? []).some((toleration) => tolerates(toleration, taint)),
  )
}
