import type { Deployment, DeploymentCondition, ReplicaSet } from '#api'
import type { Clock } from '#base'
import { formatTime } from '#meta'
import { available, replicasOf, rollingBounds, sum } from './rollout.ts'

/** What a deployment reports, from its sets (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status). */
export function deploymentStatus(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  fresh: ReplicaSet | undefined,
  clock: Clock,
  failure: string | undefined,
): NonNullable<Deployment['status']> {
  const total = sum(all, ({ status }) => status?.replicas ?? 0)
  const availableReplicas = sum(all, available)
  const status: NonNullable<Deployment['status']> = {
    observedGeneration: deployment.metadata?.generation ?? 0,
    replicas: total,
    updatedReplicas: fresh?.status?.replicas ?? 0,
    readyReplicas: sum(all, ({ status: each }) => each?.readyReplicas ?? 0),
    availableReplicas,
    unavailableReplicas: Math.max(0, sum(all, replicasOf) - availableReplicas),
    terminatingReplicas: sum(all, ({ status: each }) => each?.terminatingReplicas ?? 0),
    ...(deployment.status?.collisionCount !== undefined && { collisionCount: deployment.status.collisionCount }),
  }
  const conditions = [
    availability(deployment, availableReplicas),
    progress(deployment, status, all, fresh, clock),
    failure === undefined ? undefined : condition('ReplicaFailure', 'True', 'FailedCreate', failure),
  ]
  const own = conditions.filter((each) => each !== undefined).map((each) => withTimes(each, deployment, clock))
  // What others say of the deployment is theirs.
  const foreign = (deployment.status?.conditions ?? []).filter(({ type }) => !OWN_CONDITIONS.has(type))
  status.conditions = [...foreign, ...own]
  return status
}

const OWN_CONDITIONS = new Set(['Available', 'Progressing', 'ReplicaFailure'])

const condition = (type: string, status: string, reason: string, message: string): DeploymentCondition => ({
  type,
  status,
  reason,
  message,
})

function availability(deployment: Deployment, availableReplicas: number): DeploymentCondition {
  const wanted = (deployment.spec?.replicas ?? 1) - rollingBounds(deployment).maxUnavailable
  return availableReplicas >= wanted
    ? condition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.')
    : condition('Available', 'False', 'MinimumReplicasUnavailable', 'Deployment does not have minimum availability.')
}

export const isComplete = (deployment: Deployment, status: NonNullable<Deployment['status']>): boolean => {
  const wanted = deployment.spec?.replicas ?? 1
  return (
    status.updatedReplicas === wanted &&
    status.replicas === wanted &&
    status.availableReplicas === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata?.generation ?? 0)
  )
}

function progress(
  deployment: Deployment,
  status: NonNullable<Deployment['status']>,
  all: readonly ReplicaSet[],
  fresh: ReplicaSet | undefined,
  clock: Clock,
): DeploymentCondition | undefined {
  const before = deployment.status?.conditions?.find(({ type }) => type === 'Progressing')
  if (deployment.spec?.paused)
    return before?.reason === 'DeploymentPaused'
      ? before
      : condition('Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused')
  const name =
    fresh === undefined
      ? `deployment ${JSON.stringify(deployment.metadata?.name)}`
      : `ReplicaSet ${JSON.stringify(fresh.metadata?.name)}`
  if (isComplete(deployment, status))
    return condition('Progressing', 'True', 'NewReplicaSetAvailable', `${name} has successfully progressed.`)
  const was = deployment.status
  const moved =
    (status.updatedReplicas ?? 0) > (was?.updatedReplicas ?? 0) ||
    (status.readyReplicas ?? 0) > (was?.readyReplicas ?? 0) ||
    (status.availableReplicas ?? 0) > (was?.availableReplicas ?? 0) ||
    (status.replicas ?? 0) - (status.updatedReplicas ?? 0) < (was?.replicas ?? 0) - (was?.updatedReplicas ?? 0)
  const starts = before === undefined || before.reason === 'NewReplicaSetAvailable' || before.reason === 'DeploymentPaused'
  if (starts || moved) {
    const created = all.length > 0 && starts && fresh !== undefined && (fresh.status?.replicas ?? 0) === 0
    return {
      ...condition(
        'Progressing',
        'True',
        created ? 'NewReplicaSetCreated' : 'ReplicaSetUpdated',
        created ? `Created new replica set ${JSON.stringify(fresh.metadata?.name)}` : `${name} is progressing.`,
      ),
      lastUpdateTime: formatTime(clock.now()),
    }
  }
  const deadlineMs = progressDeadline(deployment)
  if (deadlineMs !== undefined && clock.now() >= deadlineMs)
    return condition('Progressing', 'False', 'ProgressDeadlineExceeded', `${name} has timed out progressing.`)
  return before
}

/** When a rollout that makes no progress is given up; undefined while none is under way. */
export function progressDeadline(deployment: Deployment): number | undefined {
  const seconds = deployment.spec?.progressDeadlineSeconds ?? 600
  const before = deployment.status?.conditions?.find(({ type }) => type === 'Progressing')
  if (
    before?.lastUpdateTime === undefined ||
    before.reason === 'NewReplicaSetAvailable' ||
    before.reason === 'ProgressDeadlineExceeded'
  )
    return undefined
  return Date.parse(before.lastUpdateTime) + seconds * 1000
}

function withTimes(each: DeploymentCondition, deployment: Deployment, clock: Clock): DeploymentCondition {
  const now = formatTime(clock.now())
  const before = deployment.status?.conditions?.find(({ type }) => type === each.type)
  const unchanged = before?.status === each.status && before.reason === each.reason && before.message === each.message
  return {
    ...each,
    lastUpdateTime: each.lastUpdateTime ?? (unchanged ? (before.lastUpdateTime ?? now) : now),
    lastTransitionTime: before?.status === each.status ? (before.lastTransitionTime ?? now) : now,
  }
}
