import {
  clusterRoleBindings as bindings,
  clusterRoles as clusterRoleResource,
  type Namespace,
  namespaces,
  type PriorityClass,
  priorityClasses,
  type ResourceDefinition,
  roleBindings,
  roles,
} from '#api'
import { deepClone, deepEqual } from '#base'
import type { Client } from '#client'
import { isAlreadyExists, isConflict, type KubernetesObject, keyOf } from '#meta'
import { clusterRoleBindings, clusterRoles, systemRoleBindings, systemRoles } from './policy.ts'

const SYSTEM_NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease']

const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate'

/** Makes what a cluster has from its first moment: system namespaces, priority classes, and the policy of upstream's identities. */
export async function bootstrap(client: Client): Promise<void> {
  await Promise.all(SYSTEM_NAMESPACES.map((name) => ensure(client, namespaces, namespace(name))))
  await Promise.all([
    ...PRIORITY_CLASSES.map((each) => ensure(client, priorityClasses, each)),
    ...clusterRoles.map((role) => reconcile(client, clusterRoleResource, role, mergeRole)),
    ...clusterRoleBindings.map((binding) => reconcile(client, bindings, binding, mergeBinding)),
    ...systemRoles.map((role) => reconcile(client, roles, role, mergeRole)),
    ...systemRoleBindings.map((binding) => reconcile(client, roleBindings, binding, mergeBinding)),
  ])
}

const namespace = (name: string): Namespace => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })

const PRIORITY_CLASSES: readonly PriorityClass[] = [
  {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name: 'system-node-critical' },
    value: 2_000_001_000,
    description: 'Used for system critical pods that must not be moved from their current node.',
  },
  {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name: 'system-cluster-critical' },
    value: 2_000_000_000,
    description: 'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  },
]

async function ensure<T extends KubernetesObject>(client: Client, resource: ResourceDefinition<T>, object: T): Promise<void> {
  if ((await client.find(resource, keyOf(object))) !== undefined) return
  try {
    await client.create(resource, object)
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
  }
}

/** Creates what is missing and adds what is missing in it; what an administrator added stays, and so does all of what opted out. */
async function reconcile<T extends KubernetesObject>(
  client: Client,
  resource: ResourceDefinition<T>,
  wanted: T,
  merge: (draft: T, wanted: T) => void,
): Promise<void> {
  const current = await client.find(resource, keyOf(wanted))
  if (current === undefined) return ensure(client, resource, wanted)
  if (current.metadata?.annotations?.[AUTO_UPDATE] === 'false') return
  const draft = deepClone(current)
  merge(draft, wanted)
  if (deepEqual(draft, current)) return
  try {
    await client.update(resource, draft)
  } catch (error) {
    if (!isConflict(error)) throw error
    await reconcile(client, resource, wanted, merge)
  }
}

function mergeRole(
  draft: { rules?: unknown[] | null; aggregationRule?: unknown },
  wanted: { rules?: unknown[] | null; aggregationRule?: unknown },
): void {
  if (wanted.aggregationRule !== undefined) draft.aggregationRule ??= deepClone(wanted.aggregationRule)
  else
    for (const rule of wanted.rules ?? [])
      if (!draft.rules?.some((each) => deepEqual(each, rule))) draft.rules = [...(draft.rules ?? []), deepClone(rule)]
}

function mergeBinding(draft: { subjects?: unknown[] }, wanted: { subjects?: unknown[] }): void {
  for (const subject of wanted.subjects ?? []) {
    if (!draft.subjects?.some((each) => deepEqual(each, subject)))
      draft.subjects = [...(draft.subjects ?? []), deepClone(subject)]
  }
}
