import { type Deployment, deployments, type Pod, pods, type ReplicaSet, replicaSets } from '#api'
import { deepClone, deepEqual } from '#base'
import { isAlreadyExists, isNotFound, keyOf, objectKey } from '#meta'
import {
  claim,
  controllerOf,
  controllerReference,
  defineController,
  done,
  ownerKeys,
  type ReconcileContext,
  type Result,
  requeueAt,
  selectingKeys,
  watch,
} from '../framework/index.ts'
import {
  DESIRED_REPLICAS,
  HASH_LABEL,
  MAX_REPLICAS,
  newReplicas,
  oldReplicas,
  proportional,
  REVISION,
  replicasOf,
  rollingBounds,
  sum,
} from './rollout.ts'
import { deploymentStatus, isComplete, progressDeadline } from './status.ts'
import { canonical, templateHash } from './template-hash.ts'

/** Rolls a template out over ReplicaSets, one for each revision. */
export const deploymentController = defineController<Deployment>({
  name: 'deployment-controller',
  for: deployments,
  watches: [
    watch(replicaSets, function* (set, { cache }) {
      yield* ownerKeys(set, deployments as never)
      yield* selectingKeys(set, cache(deployments))
    }),
    // A Recreate rollout waits for the last old pod to be gone.
    watch(pods, function* (pod, { cache }) {
      const owner = controllerOf(pod)
      const set =
        owner?.kind === 'ReplicaSet' ? cache(replicaSets).get(objectKey(pod.metadata?.namespace, owner.name)) : undefined
      if (set !== undefined) yield* ownerKeys(set, deployments as never)
    }),
  ],
  async reconcile(context): Promise<Result> {
    const { key, cache, client } = context
    const cached = cache(deployments).get(key)
    if (cached === undefined) return done
    const namespace = cached.metadata?.namespace
    const sets = await claim({
      owner: cached,
      ownerResource: deployments as never,
      resource: replicaSets,
      candidates: cache(replicaSets).list({ namespace }),
      client,
    })
    if (cached.metadata?.deletionTimestamp !== undefined) return report(context, cached, sets, undefined)
    let failure: string | undefined
    try {
      await step(context, cached, sets)
    } catch (error) {
      failure = (error as Error).message
      await report(context, cached, sets, failure)
      throw error
    }
    return report(context, cached, sets, failure)
  },
})

async function step(context: ReconcileContext, deployment: Deployment, sets: ReplicaSet[]): Promise<void> {
  const current = await currentReplicaSet(context, deployment, sets)
  const olds = sets.filter((set) => set !== current && set.metadata?.uid !== current?.metadata?.uid)
  if (deployment.spec?.paused || isScaling(deployment, sets)) {
    await scaleAll(context, deployment, sets)
    return
  }
  const recreates = deployment.spec?.strategy?.type === 'Recreate'
  if (recreates && !(await areRetired(context, deployment, olds))) return
  const fresh = current ?? (await makeReplicaSet(context, deployment, sets))
  if (recreates) await scale(context, deployment, fresh, deployment.spec?.replicas ?? 1, [])
  else await roll(context, deployment, fresh, olds)
  await cleanUp(context, deployment, olds)
}

/** The set of the current template. */
async function currentReplicaSet(
  context: ReconcileContext,
  deployment: Deployment,
  sets: ReplicaSet[],
): Promise<ReplicaSet | undefined> {
  const wanted = comparable(deployment.spec?.template)
  const existing = [...sets].sort(byCreation).find((set) => comparable(set.spec?.template) === wanted)
  return existing && withRevision(context, deployment, existing, nextRevision(sets, existing), sets)
}

const nextRevision = (sets: readonly ReplicaSet[], but?: ReplicaSet): string =>
  String(Math.max(0, ...sets.filter((set) => set !== but).map(revisionOf)) + 1)

async function makeReplicaSet(context: ReconcileContext, deployment: Deployment, sets: ReplicaSet[]): Promise<ReplicaSet> {
  const { client, recorder } = context
  const revision = nextRevision(sets)
  const hash = templateHash(deployment.spec?.template, deployment.status?.collisionCount)
  const set = replicaSetFor(deployment, hash, revision)
  set.spec!.replicas = newReplicas(deployment, [...sets, set], set)
  try {
    const created = await client.create(replicaSets, set)
    sets.push(created)
    recorder.event(
      deployment,
      'Normal',
      'ScalingReplicaSet',
      `Scaled up replica set ${created.metadata?.name} from 0 to ${created.spec?.replicas}`,
    )
    await noteRevision(context, deployment, revision)
    return created
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
    const other = await client.get(replicaSets, keyOf(set))
    const isSame = comparable(other.spec?.template) === comparable(deployment.spec?.template)
    if (controllerOf(other)?.uid === deployment.metadata?.uid && isSame) return other
    // Another template has the name: the next round counts one up and gets another hash.
    await client.patch(
      deployments,
      keyOf(deployment),
      { status: { collisionCount: (deployment.status?.collisionCount ?? 0) + 1 } },
      { type: 'merge', subresource: 'status' },
    )
    throw error
  }
}

const byCreation = (a: ReplicaSet, b: ReplicaSet): number =>
  (a.metadata?.creationTimestamp ?? '') < (b.metadata?.creationTimestamp ?? '') ? -1 : 1
const revisionOf = ({ metadata }: ReplicaSet): number => Number(metadata?.annotations?.[REVISION] ?? 0) || 0

/** A template without the label that only the set adds. */
function comparable(template: unknown): string {
  const copy = deepClone(template ?? {}) as { metadata?: { labels?: Record<string, string> } }
  if (copy.metadata?.labels !== undefined) delete copy.metadata.labels[HASH_LABEL]
  return canonical(copy)
}

/** A set that becomes current again gets the newest revision, so that history stays in order. */
async function withRevision(
  context: ReconcileContext,
  deployment: Deployment,
  set: ReplicaSet,
  newest: string,
  sets: ReplicaSet[],
): Promise<ReplicaSet> {
  const revision = revisionOf(set) < Number(newest) ? newest : String(revisionOf(set))
  // The sizes it was last scaled for stay: how much of a change is its share depends on them.
  const wanted = { ...inherited(deployment), [REVISION]: revision }
  const annotations = set.metadata?.annotations ?? {}
  const minReadySeconds = deployment.spec?.minReadySeconds ?? 0
  await noteRevision(context, deployment, revision)
  if (
    Object.entries(wanted).every(([key, value]) => annotations[key] === value) &&
    (set.spec?.minReadySeconds ?? 0) === minReadySeconds
  )
    return set
  const patch = { metadata: { annotations: wanted }, spec: { minReadySeconds } }
  const updated = await context.client.patch(replicaSets, keyOf(set), patch, { type: 'merge' })
  sets[sets.indexOf(set)] = updated
  return updated
}

async function noteRevision({ client }: ReconcileContext, deployment: Deployment, revision: string): Promise<void> {
  if (deployment.metadata?.annotations?.[REVISION] === revision) return
  const annotations = { ...deployment.metadata?.annotations, [REVISION]: revision }
  await client.update(deployments, { ...deployment, metadata: { ...deployment.metadata, annotations } })
}

const NOT_INHERITED = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  'deployment.kubernetes.io/revision-history',
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  'deprecated.deployment.rollback.to',
])

const inherited = ({ metadata }: Deployment): Record<string, string> =>
  Object.fromEntries(Object.entries(metadata?.annotations ?? {}).filter(([key]) => !NOT_INHERITED.has(key)))

const sizes = (deployment: Deployment): Record<string, string> => ({
  [DESIRED_REPLICAS]: String(deployment.spec?.replicas ?? 1),
  [MAX_REPLICAS]: String((deployment.spec?.replicas ?? 1) + rollingBounds(deployment).maxSurge),
})

function replicaSetFor(deployment: Deployment, hash: string, revision: string): ReplicaSet {
  const template = deepClone(deployment.spec!.template!)
  template.metadata = { ...template.metadata, labels: { ...template.metadata?.labels, [HASH_LABEL]: hash } }
  const selector = deepClone(deployment.spec!.selector!)
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${deployment.metadata?.name}-${hash}`,
      namespace: deployment.metadata?.namespace ?? '',
      labels: template.metadata.labels!,
      annotations: { ...inherited(deployment), ...sizes(deployment), [REVISION]: revision },
      ownerReferences: [controllerReference(deployment, deployments as never)],
    },
    spec: {
      replicas: 0,
      minReadySeconds: deployment.spec?.minReadySeconds ?? 0,
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
      template,
    },
  }
}

/** The size changed since the sets were last sized: they are scaled before the rollout goes on. */
function isScaling(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return sets.some(
    (set) =>
      replicasOf(set) > 0 &&
      set.metadata?.annotations?.[DESIRED_REPLICAS] !== undefined &&
      set.metadata.annotations[DESIRED_REPLICAS] !== String(deployment.spec?.replicas ?? 1),
  )
}

async function scaleAll(context: ReconcileContext, deployment: Deployment, sets: ReplicaSet[]): Promise<void> {
  const active = sets.filter((set) => replicasOf(set) > 0)
  const newest = [...sets].sort((a, b) => revisionOf(b) - revisionOf(a))[0]
  if (active.length <= 1) {
    const target = active[0] ?? newest
    if (target !== undefined) await scale(context, deployment, target, deployment.spec?.replicas ?? 1, sets)
    return
  }
  const wanted = proportional(deployment, active)
  for (const set of active) await scale(context, deployment, set, wanted.get(set) ?? replicasOf(set), sets)
}

async function roll(
  context: ReconcileContext,
  deployment: Deployment,
  fresh: ReplicaSet,
  olds: readonly ReplicaSet[],
): Promise<void> {
  const all = [...olds, fresh]
  const up =
    replicasOf(fresh) > (deployment.spec?.replicas ?? 1) ? (deployment.spec?.replicas ?? 1) : newReplicas(deployment, all, fresh)
  if (up !== replicasOf(fresh)) {
    await scale(context, deployment, fresh, up, [])
    return
  }
  for (const [set, replicas] of oldReplicas(
    deployment,
    olds.filter((set) => replicasOf(set) > 0),
    fresh,
  ))
    await scale(context, deployment, set, replicas, [])
}

/** Whether no pod of old sets runs any more; sets that are larger are scaled down, which takes another round. */
async function areRetired(context: ReconcileContext, deployment: Deployment, olds: readonly ReplicaSet[]): Promise<boolean> {
  const larger = olds.filter((set) => replicasOf(set) > 0)
  for (const set of larger) await scale(context, deployment, set, 0, [])
  if (larger.length > 0 || sum(olds, ({ status }) => status?.replicas ?? 0) > 0) return false
  const oldUids = new Set(olds.map(({ metadata }) => metadata?.uid))
  return !context
    .cache(pods)
    .list({ namespace: deployment.metadata?.namespace })
    .some((pod: Pod) => oldUids.has(controllerOf(pod)?.uid) && !['Failed', 'Succeeded'].includes(pod.status?.phase ?? ''))
}

async function scale(
  { client, recorder }: ReconcileContext,
  deployment: Deployment,
  set: ReplicaSet,
  replicas: number,
  sets: ReplicaSet[],
): Promise<void> {
  const annotations = sizes(deployment)
  const before = replicasOf(set)
  const sized = Object.entries(annotations).every(([key, value]) => set.metadata?.annotations?.[key] === value)
  if (before === replicas && sized) return
  const draft = deepClone(set)
  draft.spec!.replicas = replicas
  draft.metadata!.annotations = { ...draft.metadata!.annotations, ...annotations }
  const updated = await client.update(replicaSets, draft)
  const at = sets.indexOf(set)
  if (at !== -1) sets[at] = updated
  if (before !== replicas) {
    recorder.event(
      deployment,
      'Normal',
      'ScalingReplicaSet',
      `Scaled ${before < replicas ? 'up' : 'down'} replica set ${set.metadata?.name} from ${before} to ${replicas}`,
    )
  }
}

/** Old revisions beyond the limit go, oldest first; none that still has pods, and none while the rollout is under way. */
async function cleanUp({ client }: ReconcileContext, deployment: Deployment, olds: readonly ReplicaSet[]): Promise<void> {
  if (deployment.status === undefined || !isComplete(deployment, deployment.status)) return
  const limit = deployment.spec?.revisionHistoryLimit ?? 10
  const idle = olds.filter(
    (set) =>
      replicasOf(set) === 0 &&
      (set.status?.replicas ?? 0) === 0 &&
      set.metadata?.deletionTimestamp === undefined &&
      (set.status?.observedGeneration ?? 0) >= (set.metadata?.generation ?? 0),
  )
  const excess = [...idle].sort((a, b) => revisionOf(a) - revisionOf(b)).slice(0, Math.max(0, olds.length - limit))
  for (const set of excess) {
    try {
      await client.delete(replicaSets, keyOf(set), { preconditions: { uid: set.metadata?.uid ?? '' } })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
}

async function report(
  context: ReconcileContext,
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  failure: string | undefined,
): Promise<Result> {
  const { client, clock } = context
  const wanted = comparable(deployment.spec?.template)
  const fresh = sets.find((set) => comparable(set.spec?.template) === wanted)
  const status = deploymentStatus(deployment, sets, fresh, clock, failure)
  if (!deepEqual(status, deployment.status)) {
    try {
      await client.updateStatus(deployments, { ...deployment, status })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
  const deadlineMs = progressDeadline({ ...deployment, status })
  return deadlineMs === undefined ? done : requeueAt(deadlineMs)
}
