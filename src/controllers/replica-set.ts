import { isPodActive, isPodAvailable, isPodReady, type Pod, pods, type ReplicaSet, replicaSets } from '#api'
import { deepEqual } from '#base'
import { formatTime, isConflict, isNotFound, keyOf } from '#meta'
import {
  claim,
  controllerReference,
  defineController,
  done,
  type Expectations,
  nextAvailability,
  ownerKeys,
  type ReconcileContext,
  selectingKeys,
  slowStart,
  watch,
} from './framework/index.ts'

const BURST_MAX = 500

/** Keeps `spec.replicas` identical pods running. */
export const replicaSetController = defineController<ReplicaSet>({
  name: 'replicaset-controller',
  for: replicaSets,
  watches: [
    watch(pods, function* (pod, { cache }) {
      yield* ownerKeys(pod, replicaSets as never)
      yield* selectingKeys(pod, cache(replicaSets))
    }),
  ],
  prepare({ cache }) {
    cache(pods).addIndex('namespace', ({ metadata }) => [metadata?.namespace ?? ''])
  },
  async reconcile(context) {
    const { key, cache } = context
    const replicaSet = cache(replicaSets).get(key)
    const awaited = context.expectations
    if (replicaSet === undefined) {
      awaited.forget(key)
      return done
    }
    const all = cache(pods).byIndex('namespace', replicaSet.metadata?.namespace ?? '')
    for (const pod of all) awaited.observe(key, `+${pod.metadata?.name}`)
    settleDeletions(awaited, key, all)
    const candidates = all.filter(isPodActive)
    const owned = await claim({
      owner: replicaSet,
      ownerResource: replicaSets as never,
      resource: pods,
      candidates,
      client: context.client,
    })
    let failure: unknown
    if (awaited.satisfied(key) && replicaSet.metadata?.deletionTimestamp === undefined)
      failure = await manage(context, replicaSet, owned, awaited)
    await updateStatus(context, replicaSet, owned, all, failure)
    if (failure !== undefined) throw failure
    return nextAvailability(context.clock, replicaSet.spec?.minReadySeconds ?? 0, owned)
  },
})

/** Awaited deletions are over when their pod is going or gone. */
function settleDeletions(awaited: Expectations, key: string, all: readonly Pod[]): void {
  const living = new Set(all.filter(isPodActive).map(({ metadata }) => `-${metadata?.uid}`))
  awaited.observeMissing(key, '-', living)
}

async function manage(
  context: ReconcileContext,
  replicaSet: ReplicaSet,
  owned: readonly Pod[],
  awaited: Expectations,
): Promise<unknown> {
  const { key, client, recorder, random } = context
  const difference = (replicaSet.spec?.replicas ?? 1) - owned.length
  if (difference > 0) {
    const { error } = await slowStart(Math.min(difference, BURST_MAX), async () => {
      const pod = podFrom(replicaSet, random.suffix(5))
      awaited.expect(key, `+${pod.metadata!.name}`)
      try {
        await client.create(pods, pod)
        recorder.event(replicaSet, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata!.name}`)
      } catch (failed) {
        awaited.observe(key, `+${pod.metadata!.name}`)
        recorder.event(replicaSet, 'Warning', 'FailedCreate', `Error creating: ${(failed as Error).message}`)
        throw failed
      }
    })
    return error
  }
  if (difference === 0) return undefined
  const victims = rank(owned).slice(0, Math.min(-difference, BURST_MAX))
  const results = await Promise.allSettled(
    victims.map(async (pod) => {
      awaited.expect(key, `-${pod.metadata?.uid}`)
      try {
        await client.delete(pods, keyOf(pod), { preconditions: { uid: pod.metadata?.uid ?? '' } })
        recorder.event(replicaSet, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata?.name}`)
      } catch (failed) {
        awaited.observe(key, `-${pod.metadata?.uid}`)
        if (isNotFound(failed) || isConflict(failed)) return
        recorder.event(replicaSet, 'Warning', 'FailedDelete', `Error deleting: ${(failed as Error).message}`)
        throw failed
      }
    }),
  )
  return results.find((result) => result.status === 'rejected')?.reason
}

/** A pod of the template. The generated name is made here, so that its creation can be awaited by name. */
function podFrom(replicaSet: ReplicaSet, suffix: string): Pod {
  const template = replicaSet.spec?.template
  const prefix = `${replicaSet.metadata?.name}-`.slice(0, 58)
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: prefix,
      name: prefix + suffix,
      namespace: replicaSet.metadata?.namespace ?? '',
      ...(template?.metadata?.labels && { labels: { ...template.metadata.labels } }),
      ...(template?.metadata?.annotations && { annotations: { ...template.metadata.annotations } }),
      ...(template?.metadata?.finalizers && { finalizers: [...template.metadata.finalizers] }),
      ownerReferences: [controllerReference(replicaSet, replicaSets as never)],
    },
    spec: template?.spec ?? { containers: [] },
  }
}

const PHASE_ORDER: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 }

/** Whom a scale-down takes first: unassigned, pending, not ready, cheap to delete, recently ready, often restarted, young. */
export function rank(candidates: readonly Pod[]): Pod[] {
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

async function updateStatus(
  { client, clock }: ReconcileContext,
  replicaSet: ReplicaSet,
  owned: readonly Pod[],
  all: readonly Pod[],
  failure: unknown,
): Promise<void> {
  const minReadySeconds = replicaSet.spec?.minReadySeconds ?? 0
  const templateLabels = Object.entries(replicaSet.spec?.template?.metadata?.labels ?? {})
  const terminating = all.filter(
    ({ metadata, status }) =>
      metadata?.deletionTimestamp !== undefined &&
      metadata.ownerReferences?.some(({ uid }) => uid === replicaSet.metadata?.uid) &&
      status?.phase !== 'Failed' &&
      status?.phase !== 'Succeeded',
  )
  const others = (replicaSet.status?.conditions ?? []).filter(({ type }) => type !== 'ReplicaFailure')
  const before = replicaSet.status?.conditions?.find(({ type }) => type === 'ReplicaFailure')
  const conditions =
    failure === undefined
      ? others
      : [
          ...others,
          before ?? {
            type: 'ReplicaFailure',
            status: 'True',
            reason: owned.length < (replicaSet.spec?.replicas ?? 1) ? 'FailedCreate' : 'FailedDelete',
            message: (failure as Error).message,
            lastTransitionTime: formatTime(clock.now()),
          },
        ]
  const status: NonNullable<ReplicaSet['status']> = {
    replicas: owned.length,
    fullyLabeledReplicas: owned.filter(({ metadata }) =>
      templateLabels.every(([key, value]) => metadata?.labels?.[key] === value),
    ).length,
    readyReplicas: owned.filter(isPodReady).length,
    availableReplicas: owned.filter((pod) => isPodAvailable(pod, minReadySeconds, clock.now())).length,
    terminatingReplicas: terminating.length,
    observedGeneration: replicaSet.metadata?.generation ?? 0,
    ...(conditions.length > 0 && { conditions }),
  }
  if (deepEqual(status, replicaSet.status)) return
  try {
    await client.updateStatus(replicaSets, { ...replicaSet, status })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
