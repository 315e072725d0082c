import type { ResourceDefinition } from '#api'
import { isConflict, isNotFound, type KubernetesObject, keyOf } from '#meta'
import { done, type ReconcileContext, type Result } from '../framework/index.ts'

/**
 * Keeps `finalizer` on an object while it lives, and takes it off one that is being deleted once `inUse` says no. A conflict means that
 * somebody changed it; the change brings the key back.
 */
export async function protect<T extends KubernetesObject>(
  { key, cache, client, signal }: ReconcileContext,
  resource: ResourceDefinition<T>,
  finalizer: string,
  inUse: (object: T) => Promise<boolean>,
): Promise<Result> {
  const object = cache(resource).get(key)
  if (object === undefined) return done
  const finalizers = object.metadata?.finalizers ?? []
  const going = object.metadata?.deletionTimestamp !== undefined
  if (going === !finalizers.includes(finalizer)) return done
  if (going && (await inUse(object))) return done
  const wanted = going ? finalizers.filter((each) => each !== finalizer) : [...finalizers, finalizer]
  try {
    await client.update(resource, { ...object, metadata: { ...object.metadata, finalizers: wanted } }, { signal })
  } catch (error) {
    if (!isNotFound(error) && !(isConflict(error) && changedSince(object, cache(resource).get(keyOf(object))))) throw error
  }
  return done
}

const changedSince = (object: KubernetesObject, now: KubernetesObject | undefined): boolean =>
  now?.metadata?.resourceVersion !== object.metadata?.resourceVersion
