import type { Deployment, ReplicaSet } from '#api'

export const HASH_LABEL = 'pod-template-hash'
export const REVISION = 'deployment.kubernetes.io/revision'
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas'
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas'

export const replicasOf = ({ spec }: ReplicaSet): number => spec?.replicas ?? 1

export const sum = (sets: readonly ReplicaSet[], count: (set: ReplicaSet) => number): number =>
  sets.reduce((total, set) => total + count(set), 0)

export const available = ({ status }: ReplicaSet): number => status?.availableReplicas ?? 0

/** The two bounds of a rolling update as numbers of pods; surge rounds up, unavailable down, and not both are zero. */
export function rollingBounds(deployment: Deployment): { readonly maxSurge: number; readonly maxUnavailable: number } {
  const replicas = deployment.spec?.replicas ?? 1
  if (deployment.spec?.strategy?.type === 'Recreate' || replicas === 0) return { maxSurge: 0, maxUnavailable: 0 }
  const { maxSurge = '25%', maxUnavailable = '25%' } = deployment.spec?.strategy?.rollingUpdate ?? {}
  const surge = countOf(maxSurge, replicas, Math.ceil)
  const unavailable = Math.min(countOf(maxUnavailable, replicas, Math.floor), replicas)
  // Nothing could ever change otherwise.
  return { maxSurge: surge, maxUnavailable: surge === 0 && unavailable === 0 ? 1 : unavailable }
}

function countOf(value: number | string, of: number, round: (value: number) => number): number {
  if (typeof value === 'number') return value
  return round((Number(value.replace('%', '')) * of) / 100)
}

/** How many pods the new set should have now, without more in all than the surge allows. */
export function newReplicas(deployment: Deployment, all: readonly ReplicaSet[], fresh: ReplicaSet): number {
  const wanted = deployment.spec?.replicas ?? 1
  if (deployment.spec?.strategy?.type === 'Recreate') return wanted
  const room = wanted + rollingBounds(deployment).maxSurge - sum(all, replicasOf)
  if (room <= 0) return replicasOf(fresh)
  return Math.min(replicasOf(fresh) + room, Math.max(wanted, replicasOf(fresh)))
}

/** Replicas of old sets after one more step down: first what does not work anyway, then as many as availability allows. */
export function oldReplicas(
  deployment: Deployment,
  olds: readonly ReplicaSet[],
  fresh: ReplicaSet,
): ReadonlyMap<ReplicaSet, number> {
  const wanted = deployment.spec?.replicas ?? 1
  const minAvailable = wanted - rollingBounds(deployment).maxUnavailable
  const all = [...olds, fresh]
  const freshUnavailable = replicasOf(fresh) - available(fresh)
  let budget = sum(all, replicasOf) - minAvailable - freshUnavailable
  const result = new Map<ReplicaSet, number>()
  if (budget <= 0) return result
  const byAge = [...olds].sort((a, b) => ((a.metadata?.creationTimestamp ?? '') < (b.metadata?.creationTimestamp ?? '') ? -1 : 1))
  for (const set of byAge) {
    const broken = Math.min(budget, Math.max(0, replicasOf(set) - available(set)))
    if (broken === 0) continue
    result.set(set, replicasOf(set) - broken)
    budget -= broken
  }
  let spare = sum(all, available) - minAvailable
  for (const set of byAge) {
    const now = result.get(set) ?? replicasOf(set)
    const step = Math.min(now, spare)
    if (step <= 0) continue
    result.set(set, now - step)
    spare -= step
  }
  return result
}

const createdAt = ({ metadata }: ReplicaSet): string => metadata?.creationTimestamp ?? ''

/** Shares a change of the deployment's size among its sets in proportion to what they have, larger sets first. */
export function proportional(deployment: Deployment, sets: readonly ReplicaSet[]): ReadonlyMap<ReplicaSet, number> {
  const wanted = deployment.spec?.replicas ?? 1
  const allowed = wanted === 0 ? 0 : wanted + rollingBounds(deployment).maxSurge
  const total = sum(sets, replicasOf)
  let rest = allowed - total
  const result = new Map<ReplicaSet, number>()
  if (total === 0 || rest === 0) return result
  const change = rest
  // Of sets of one size the newer one grows first, and the older one shrinks first.
  const age = (a: ReplicaSet, b: ReplicaSet): number => (createdAt(a) < createdAt(b) ? -1 : createdAt(a) > createdAt(b) ? 1 : 0)
  const bySize = [...sets].sort((a, b) => replicasOf(b) - replicasOf(a) || (change > 0 ? age(b, a) : age(a, b)))
  for (const set of bySize) {
    const before = Number(set.metadata?.annotations?.[MAX_REPLICAS] ?? total) || total
    const share = Math.round((replicasOf(set) * allowed) / before) - replicasOf(set)
    const bounded = change > 0 ? Math.max(0, Math.min(share, rest)) : Math.min(0, Math.max(share, rest))
    result.set(set, replicasOf(set) + bounded)
    rest -= bounded
  }
  // What rounding left goes to the largest.
  const [largest] = bySize
  if (largest !== undefined && rest !== 0) result.set(largest, Math.max(0, (result.get(largest) ?? replicasOf(largest)) + rest))
  return result
}
