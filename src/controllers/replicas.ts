import {
  isPodActive,
  isPodAvailable,
  isPodReady,
  type Pod,
  pods,
  type ReplicaSet,
  type ReplicationController,
  type ResourceDefinition,
  replicaSets,
  replicationControllers,
} from '#api'
import { deepEqual } from '#base'
import { formatTime, isNotFound, type LabelSelector } from '#meta'
import {
  BURST_MAX,
  type ControllerDefinition,
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

/** What keeps a number of identical pods: the newer kind and the older differ in their selectors alone. */
type Replicated = ReplicaSet | ReplicationController

interface ReplicasInput<T extends Replicated> {
  readonly name: string
  readonly flag?: string
  readonly resource: ResourceDefinition<T>
  selectorOf(owner: T): LabelSelector | undefined
}

export const replicaSetController = keepReplicas<ReplicaSet>({
  name: 'replicaset-controller',
  resource: replicaSets,
  selectorOf: ({ spec }) => spec?.selector,
})

export const replicationController = keepReplicas<ReplicationController>({
  name: 'replication-controller',
  flag: 'replicationcontroller-controller',
  resource: replicationControllers,
  selectorOf: ({ spec }) => (spec?.selector === undefined ? undefined : { matchLabels: spec.selector }),
})

/** Keeps `spec.replicas` identical pods running. */
function keepReplicas<T extends Replicated>({ name, flag = name, resource, selectorOf }: ReplicasInput<T>): ControllerDefinition {
  return defineController<T>({
    name,
    flag,
    for: resource,
    watches: [
      watch(pods, function* (pod, { cache }) {
        yield* ownerKeys(pod, resource as never)
        yield* selectingKeys(pod, cache(resource), selectorOf)
      }),
    ],
    prepare({ cache }) {
      cache(pods).addIndex('namespace', ({ metadata }) => [metadata?.namespace ?? ''])
    },
    async reconcile(context) {
      const { key, cache } = context
      const owner = cache(resource).get(key)
      const awaited = context.expectations
      if (owner === undefined) {
        awaited.forget(key)
        return done
      }
      const all = cache(pods).byIndex('namespace', owner.metadata?.namespace ?? '')
      const candidates = all.filter(isPodActive)
      const owned = await claim({
        owner,
        selector: selectorOf(owner),
        ownerResource: resource as never,
        resource: pods,
        candidates,
        client: context.client,
      })
      let failure: unknown
      if (awaited.satisfied(key) && owner.metadata?.deletionTimestamp === undefined)
        failure = await manage(context, resource, owner, owned)
      await updateStatus(context, resource, { owner, owned, all, failure })
      if (failure !== undefined) throw failure
      return nextAvailability(context.clock, owner.spec?.minReadySeconds ?? 0, owned)
    },
  })
}

function manage<T extends Replicated>(
  context: ReconcileContext,
  resource: ResourceDefinition<T>,
  owner: T,
  owned: readonly Pod[],
): Promise<unknown> {
  const difference = (owner.spec?.replicas ?? 1) - owned.length
  if (difference > 0)
    return createPods(context, owner, difference, () => podFrom(resource, owner, context.random.suffix(5))).then(
      ({ error }) => error,
    )
  return deletePods(context, owner, rankForDeletion(owned).slice(0, Math.min(-difference, BURST_MAX)))
}

/** A pod of the template. The generated name is made here, so that its creation can be awaited by name. */
function podFrom<T extends Replicated>(resource: ResourceDefinition<T>, owner: T, suffix: string): Pod {
  const template = owner.spec?.template
  const prefix = `${owner.metadata?.name}-`.slice(0, 58)
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: prefix,
      name: prefix + suffix,
      namespace: owner.metadata?.namespace ?? '',
      ...(template?.metadata?.labels && { labels: { ...template.metadata.labels } }),
      ...(template?.metadata?.annotations && { annotations: { ...template.metadata.annotations } }),
      ...(template?.metadata?.finalizers && { finalizers: [...template.metadata.finalizers] }),
      ownerReferences: [controllerReference(owner, resource as never)],
    },
    spec: template?.spec ?? { containers: [] },
  }
}

interface Found<T extends Replicated> {
  readonly owner: T
  readonly owned: readonly Pod[]
  readonly all: readonly Pod[]
  readonly failure: unknown
}

async function updateStatus<T extends Replicated>(
  { client, clock }: ReconcileContext,
  resource: ResourceDefinition<T>,
  { owner, owned, all, failure }: Found<T>,
): Promise<void> {
  const minReadySeconds = owner.spec?.minReadySeconds ?? 0
  const templateLabels = Object.entries(owner.spec?.template?.metadata?.labels ?? {})
  const terminating = all.filter(
    ({ metadata, status }) =>
      metadata?.deletionTimestamp !== undefined &&
      metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata?.uid) &&
      status?.phase !== 'Failed' &&
      status?.phase !== 'Succeeded',
  )
  const others = (owner.status?.conditions ?? []).filter(({ type }) => type !== 'ReplicaFailure')
  const before = owner.status?.conditions?.find(({ type }) => type === 'ReplicaFailure')
  const conditions =
    failure === undefined
      ? others
      : [
          ...others,
          before ?? {
            type: 'ReplicaFailure',
            status: 'True',
            reason: owned.length < (owner.spec?.replicas ?? 1) ? 'FailedCreate' : 'FailedDelete',
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
    ...(resource.kind === 'ReplicaSet' && { terminatingReplicas: terminating.length }),
    observedGeneration: owner.metadata?.generation ?? 0,
    ...(conditions.length > 0 && { conditions }),
  }
  if (deepEqual(status, owner.status)) return
  try {
    await client.updateStatus(resource, { ...owner, status })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
