import { deployments, type Pod, type PodDisruptionBudget, replicaSets, replicationControllers, statefulSets } from '#api'
import { findScale } from '#client'
import { type KubernetesObject, type OwnerReference, objectKey } from '#meta'
import { controllerOf, type ReconcileContext } from '../framework/index.ts'

export interface Expected {
  /** How many pods there would be if nothing were wrong. */
  readonly pods: number
  /** How many of them have to be healthy. */
  readonly healthy: number
  /** Names of pods that nobody controls, where their number was needed. */
  readonly unmanaged: readonly string[]
}

/** What a budget expects of its pods. Throws when it depends on the size of a controller that can't be found. */
export async function expectedOf(
  context: ReconcileContext,
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
): Promise<Expected> {
  const { minAvailable, maxUnavailable } = budget.spec ?? {}
  if (maxUnavailable !== undefined) {
    const { size, unmanaged } = await sizeOf(context, pods)
    return { pods: size, healthy: Math.max(0, size - countOf(maxUnavailable, size)), unmanaged }
  }
  if (typeof minAvailable === 'string') {
    const { size, unmanaged } = await sizeOf(context, pods)
    return { pods: size, healthy: countOf(minAvailable, size), unmanaged }
  }
  return { pods: pods.length, healthy: minAvailable ?? 0, unmanaged: [] }
}

/** Percentages are rounded up, as everywhere in budgets. */
const countOf = (value: number | string, of: number): number =>
  typeof value === 'number' ? value : Math.ceil((Number(value.replace('%', '')) * of) / 100)

/** The sizes of all controllers of the pods together, each counted once. */
async function sizeOf(
  context: ReconcileContext,
  pods: readonly Pod[],
): Promise<{ readonly size: number; readonly unmanaged: readonly string[] }> {
  const scales = new Map<string, number>()
  const known = new Set<string>()
  const unmanaged: string[] = []
  for (const pod of pods) {
    const { name = '', namespace = '' } = pod.metadata ?? {}
    const owner = controllerOf(pod)
    if (owner === undefined) unmanaged.push(name)
    else if (!known.has(owner.uid)) {
      known.add(owner.uid)
      const scale = await scaleOf(context, owner, namespace)
      if (scale === undefined) throw new Error(`found no controllers for pod ${JSON.stringify(name)}`)
      scales.set(scale.uid, scale.replicas)
    }
  }
  return { size: [...scales.values()].reduce((sum, each) => sum + each, 0), unmanaged }
}

type Sized = KubernetesObject & { readonly spec?: { readonly replicas?: number } }

/** The size that whoever controls a pod is meant to have: of a ReplicaSet, the Deployment behind it. */
async function scaleOf(
  { cache, client, signal }: ReconcileContext,
  owner: OwnerReference,
  namespace: string,
): Promise<{ readonly uid: string; readonly replicas: number } | undefined> {
  const key = objectKey(namespace, owner.name)
  const sized = (found: Sized | undefined, uid = owner.uid) =>
    found?.metadata?.uid === uid ? { uid, replicas: found.spec?.replicas ?? 1 } : undefined
  switch (`${owner.apiVersion} ${owner.kind}`) {
    case 'v1 ReplicationController':
      return sized(cache(replicationControllers).get(key))
    case 'apps/v1 StatefulSet':
      return sized(cache(statefulSets).get(key))
    case 'apps/v1 ReplicaSet': {
      const set = cache(replicaSets).get(key)
      if (set?.metadata?.uid !== owner.uid) return undefined
      const above = controllerOf(set)
      if (above?.kind !== 'Deployment') return sized(set)
      return sized(cache(deployments).get(objectKey(namespace, above.name)), above.uid)
    }
    default: {
      const { apiVersion, kind, name, uid } = owner
      const found = await findScale(client, { apiVersion, kind, name, namespace }, signal)
      return found?.uid === uid ? found : undefined
    }
  }
}
