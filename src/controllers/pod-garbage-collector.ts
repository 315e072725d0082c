import { isPodTerminal, nodes, type Pod, pods } from '#api'
import { formatTime, isConflict, isNotFound, keyOf } from '#meta'
import { defineController, done, type ReconcileContext, type Result, requeueAt, watch } from './framework/index.ts'

/** Finished pods beyond this many are deleted, oldest first (upstream's --terminated-pod-gc-threshold). */
const TERMINATED_MAX = 12_500
/** A node that is missing is looked for again after this long before its pods are given up. */
const QUARANTINE_MS = 40_000

/** Deletes pods that nobody else will: those of nodes that are gone, those that were deleted before they had a node, and old finished ones. */
export const podGarbageCollector = defineController<Pod>({
  name: 'pod-garbage-collector',
  flag: 'pod-garbage-collector-controller',
  for: pods,
  workers: 1,
  watches: [
    watch(nodes, ({ metadata }, { cache }) =>
      cache(pods)
        .list()
        .filter(({ spec }) => spec?.nodeName === metadata?.name)
        .map(keyOf),
    ),
  ],
  async reconcile(context): Promise<Result> {
    const { key, cache, memory } = context
    const pod = cache(pods).get(key)
    if (pod === undefined) return done
    const nodeName = pod.spec?.nodeName
    if (nodeName === undefined) {
      if (pod.metadata?.deletionTimestamp !== undefined) await collect(context, pod)
      return done
    }
    if (cache(nodes).get(nodeName) === undefined) return orphaned(context, pod, nodeName)
    memory.delete(nodeName)
    if (isPodTerminal(pod)) await trim(context)
    return done
  },
})

async function orphaned(context: ReconcileContext, pod: Pod, nodeName: string): Promise<Result> {
  const { clock, client, memory } = context
  const sinceMs = memory.get(nodeName) ?? clock.now()
  memory.set(nodeName, sinceMs)
  if (clock.now() < sinceMs + QUARANTINE_MS) return requeueAt(sinceMs + QUARANTINE_MS)
  // The cache may lag behind a node that came back.
  if ((await client.find(nodes, nodeName)) === undefined) await collect(context, pod)
  return done
}

async function trim(context: ReconcileContext): Promise<void> {
  const finished = context.cache(pods).list().filter(isPodTerminal)
  const excess = [...finished]
    .sort((a, b) => ((a.metadata?.creationTimestamp ?? '') < (b.metadata?.creationTimestamp ?? '') ? -1 : 1))
    .slice(0, Math.max(0, finished.length - TERMINATED_MAX))
  for (const pod of excess) await collect(context, pod)
}

/** No kubelet is left to finish it, so it is marked as failed and deleted at once. */
async function collect({ client, clock }: ReconcileContext, pod: Pod): Promise<void> {
  try {
    if (!isPodTerminal(pod) && pod.spec?.nodeName !== undefined) {
      const condition = {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'DeletionByPodGC',
        message: 'PodGC: node no longer exists',
        lastTransitionTime: formatTime(clock.now()),
      }
      const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== condition.type)
      await client.patch(
        pods,
        keyOf(pod),
        { status: { phase: 'Failed', conditions: [...others, condition] } },
        { type: 'merge', subresource: 'status' },
      )
    }
    await client.delete(pods, keyOf(pod), { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata?.uid ?? '' } })
  } catch (error) {
    if (!isNotFound(error) && !isConflict(error)) throw error
  }
}
