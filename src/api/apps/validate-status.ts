import type { DaemonSet, Deployment, ReplicaSet, ReplicationController, StatefulSet } from '../generated/types.ts'
import { type Findings, invalidValue, nonNegative } from '../validation/findings.ts'

type Counts = Readonly<Partial<Record<string, unknown>>>

const countOf = (status: Counts, key: string): number => (status[key] as number | undefined) ?? 0

function counted(status: Counts, keys: readonly string[], found: Findings): void {
  for (const key of keys) nonNegative(status[key] as number | undefined, `status.${key}`, found)
}

/** No part is more than the whole. */
function within(status: Counts, keys: readonly string[], whole: string, detail: string, found: Findings): void {
  for (const key of keys) {
    if (countOf(status, key) > countOf(status, whole)) found.push(invalidValue(`status.${key}`, countOf(status, key), detail))
  }
}

const OF_ALL = 'cannot be greater than status.replicas'

/** A name was taken already, which is never forgotten. */
function collisions(now: Counts, old: Counts, found: Findings): void {
  const [count, before] = [countOf(now, 'collisionCount'), countOf(old, 'collisionCount')]
  if (count < before) found.push(invalidValue('status.collisionCount', count, 'cannot be decremented'))
}

export function validateDeploymentStatus(
  { status: now = {} }: Deployment,
  { status: old = {} }: Deployment,
  found: Findings,
): void {
  const parts = ['updatedReplicas', 'readyReplicas', 'availableReplicas']
  counted(
    now as Counts,
    ['observedGeneration', 'replicas', ...parts, 'unavailableReplicas', 'terminatingReplicas', 'collisionCount'],
    found,
  )
  within(now as Counts, parts, 'replicas', OF_ALL, found)
  within(now as Counts, ['availableReplicas'], 'readyReplicas', 'cannot be greater than readyReplicas', found)
  collisions(now as Counts, old as Counts, found)
}

/** Of ReplicaSets and ReplicationControllers. */
export function validateReplicasStatus({ status }: Pick<ReplicaSet | ReplicationController, 'status'>, found: Findings): void {
  const now = { ...status } as Counts
  const parts = ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas']
  counted(now, ['replicas', ...parts, 'observedGeneration', 'terminatingReplicas'], found)
  within(now, parts, 'replicas', OF_ALL, found)
  within(now, ['availableReplicas'], 'readyReplicas', 'cannot be greater than readyReplicas', found)
}

export function validateStatefulSetStatus({ status }: StatefulSet, { status: before }: StatefulSet, found: Findings): void {
  const [now, old] = [{ ...status } as Counts, { ...before } as Counts]
  const parts = ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas']
  counted(now, ['replicas', ...parts, 'observedGeneration', 'collisionCount'], found)
  within(now, parts, 'replicas', OF_ALL, found)
  within(now, ['availableReplicas'], 'readyReplicas', 'cannot be greater than status.readyReplicas', found)
  collisions(now, old, found)
}

export function validateDaemonSetStatus({ status }: DaemonSet, { status: before }: DaemonSet, found: Findings): void {
  const now = { ...status } as Counts
  counted(
    now,
    [
      'currentNumberScheduled',
      'numberMisscheduled',
      'desiredNumberScheduled',
      'numberReady',
      'observedGeneration',
      'updatedNumberScheduled',
      'numberAvailable',
      'numberUnavailable',
      'collisionCount',
    ],
    found,
  )
  collisions(now, { ...before } as Counts, found)
}
