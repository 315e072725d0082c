import { isPodActive, isPodAvailable, isPodReady, type Pod, pods, type ReplicaSet, replicaSets } from '#api'
import { deepEqual } from '#base'
import { formatTime, isNotFound } from '#meta'
import {
  BURST_MAX,
  claim,
  controllerReference,
  createPods,
  defineController,
  deletePods,
  done,
  nextAvailability,
  ownerKeys,
  type ReconcileContext,
  rankForDeletion,
  selectingKeys,
  watch,
} from './framework/index.ts'

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
      failure = await manage(context, replicaSet, owned)
    await updateStatus(context, replicaSet, owned, all, failure)
    if (failure !== undefined) throw failure
    return nextAvailability(context.clock, replicaSet.spec?.minReadySeconds ?? 0, owned)
  },
})

function manage(context: ReconcileContext, replicaSet: ReplicaSet, owned: readonly Pod[]): Promise<unknown> {
  const difference = (replicaSet.spec?.replicas ?? 1) - owned.length
  if (difference > 0)
    return createPods(context, replicaSet, difference, () => podFrom(replicaSet, context.random.suffix(5))).then(
      ({ error }) => error,
    )
  return deletePods(context, replicaSet, rankForDeletion(owned).slice(0, Math.min(-difference, BURST_MAX)))
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
