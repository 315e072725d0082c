import { type Pod, pods } from '#api'
import { isConflict, isNotFound, type KubernetesObject, keyOf, StatusError } from '#meta'
import type { ReconcileContext } from './controller.ts'
import { creation, deletion } from './expectations.ts'
import { slowStart } from './slow-start.ts'

/** The most creations or deletions of one turn. */
export const BURST_MAX = 500

type Owned = Pick<ReconcileContext, 'key' | 'client' | 'recorder' | 'expectations'>

/**
 * Creates `count` pods for an owner in growing batches, awaits each in the cache, and reports it in events. Names are chosen by the caller, so that a creation
 * can be awaited by name. Resolves with how many came to be and the first error; a namespace that is going away is no error, for nothing can come of trying again.
 */
export async function createPods(
  context: Owned,
  owner: KubernetesObject,
  count: number,
  podAt: (index: number) => Pod,
): Promise<{ readonly succeeded: number; readonly error: unknown }> {
  const { key, client, recorder, expectations } = context
  const result = await slowStart(Math.min(count, BURST_MAX), async (index) => {
    const pod = podAt(index)
    const id = creation(pod.metadata?.name ?? '')
    expectations.expect(key, id)
    try {
      await client.create(pods, pod)
      recorder.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata!.name}`)
    } catch (error) {
      expectations.observe(key, id)
      if (!isNamespaceTerminating(error))
        recorder.event(owner, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`)
      throw error
    }
  })
  return isNamespaceTerminating(result.error) ? { ...result, error: undefined } : result
}

/** Deletes pods of an owner at once. Resolves with the first error; a pod that is gone is none. */
export async function deletePods(context: Owned, owner: KubernetesObject, victims: readonly Pod[]): Promise<unknown> {
  const { key, client, recorder, expectations } = context
  const results = await Promise.allSettled(
    victims.map(async (pod) => {
      const id = deletion(pod.metadata?.uid ?? '')
      expectations.expect(key, id)
      try {
        await client.delete(pods, keyOf(pod), { preconditions: { uid: pod.metadata?.uid ?? '' } })
        recorder.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata?.name}`)
      } catch (error) {
        expectations.observe(key, id)
        if (isNotFound(error) || isConflict(error)) return
        recorder.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${(error as Error).message}`)
        throw error
      }
    }),
  )
  return results.find((result) => result.status === 'rejected')?.reason
}

/** Whether nothing can be created there any more. */
export const isNamespaceTerminating = (error: unknown): boolean =>
  error instanceof StatusError && (error.status.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating') ?? false)
