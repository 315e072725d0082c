import type { DaemonSet, Deployment, ReplicaSet, ReplicationController, StatefulSet } from '../generated/types.ts'
import { type Findings, invalidValue, nonNegative } from '../validation/findings.ts'

type Counts = Readonly<Partial<Record<string, unknown>>>

const countOf = (status: Counts, key: string): number => (status[key] as number | undefined) ?? 0

function* counted(status: Counts, keys: readonly string[]): Findings {
  for (const key of keys) yield* nonNegative(status[key] as number | undefined, `status.${key}`)
}

/** No part is more than the whole. */
function* within(status: Counts, keys: readonly string[], whole: string, detail: string): Findings {
  for (const key of keys) {
    if (countOf(status, key) > countOf(status, whole)) yield invalidValue(`status.${key}`, countOf(status, key), detail)
  }
}

const OF_ALL = 'cannot be greater than status.replicas'

/** A name was taken already, which is never forgotten. */
function* collisions(now: Counts, old: Counts): Findings {
  const [count, before] = [countOf(now, 'collisionCount'), countOf(old, 'collisionCount')]
  if (count < before) yield invalidValue('status.collisionCount', count, 'cannot be decremented')
}

export function* validateDeploymentStatus({ status: now = {} }: Deployment, { status: old = {} }: Deployment): Findings {
  const parts = ['updatedReplicas', 'readyReplicas', 'availableReplicas']
  yield* counted(now as Counts, ['observedGeneration', 'replicas', ...parts, 'unavailableReplicas', 'collisionCount'])
  yield* within(now as Counts, parts, 'replicas', OF_ALL)
  yield* within(now as Counts, ['availableReplicas'], 'readyReplicas', 'cannot be greater than readyReplicas')
  yield* collisions(now as Counts, old as Counts)
}

/** Of ReplicaSets and ReplicationControllers. */
export function* validateReplicasStatus({ status }: Pick<ReplicaSet | ReplicationController, 'status'>): Findings {
  const now = { ...status } as Counts
  const parts = ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas']
  yield* counted(now, ['replicas', ...parts, 'observedGeneration'])
  yield* within(now, parts, 'replicas', OF_ALL)
  yield* within(now, ['availableReplicas'], 'readyReplicas', 'cannot be greater than readyReplicas')
}

export function* validateStatefulSetStatus({ status }: StatefulSet, { status: before }: StatefulSet): Findings {
  const [now, old] = [{ ...status } as Counts, { ...before } as Counts]
  const parts = ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas']
  yield* counted(now, ['replicas', ...parts, 'observedGeneration', 'collisionCount'])
  yield* within(now, parts, 'replicas', OF_ALL)
  yield* within(now, ['availableReplicas'], 'readyReplicas', 'cannot be greater than status.readyReplicas')
  yield* collisions(now, old)
}

export function* validateDaemonSetStatus({ status }: DaemonSet, { status: before }: DaemonSet): Findings {
  const now = { ...status } as Counts
  yield* counted(now, [
    'currentNumberScheduled',
    'numberMisscheduled',
    'desiredNumberScheduled',
    'numberReady',
    'observedGeneration',
    'updatedNumberScheduled',
    'numberAvailable',
    'numberUnavailable',
    'collisionCount',
  ])
  yield* collisions(now, { ...before } as Counts)
}
