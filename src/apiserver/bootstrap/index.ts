import {
  type ClusterRole,
  clusterRoleBindings,
  clusterRoles,
  type Namespace,
  namespaces,
  type PriorityClass,
  priorityClasses,
  type ResourceDefinition,
  type RoleBinding,
  roleBindings,
  roles,
} from '#api'
import { deepClone, deepEqual, type FeatureGates } from '#base'
import type { Client } from '#client'
import { isAlreadyExists, isConflict, type KubernetesObject, keyOf } from '#meta'
import { uncovered } from '../authorization/index.ts'
import { bindingsOf, rolesOf, systemRoleBindings, systemRoles } from './policy.ts'

const SYSTEM_NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease']

const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate'

export interface BootstrapOptions {
  readonly features: FeatureGates
  /** What is not can't be made. */
  readonly isServed: (resource: ResourceDefinition) => boolean
}

/** Makes what a cluster has from its first moment: system namespaces, priority classes, and the policy of upstream's identities. */
export async function bootstrap(client: Client, { features, isServed }: BootstrapOptions): Promise<void> {
  const serves = (resource: unknown): boolean => isServed(resource as ResourceDefinition)
  await Promise.all(SYSTEM_NAMESPACES.map((name) => ensure(client, namespaces, namespace(name))))
  await Promise.all([
    ...(serves(priorityClasses) ? PRIORITY_CLASSES.map((each) => ensure(client, priorityClasses, each)) : []),
    ...(serves(clusterRoles) ? policyOf(client, features) : []),
  ])
}

const policyOf = (client: Client, features: FeatureGates): Promise<void>[] => [
  reconcileAll(client, clusterRoles, rolesOf(features), mergeRole),
  reconcileAll(client, clusterRoleBindings, bindingsOf(features), mergeBinding),
  reconcileAll(client, roles, systemRoles, mergeRole),
  reconcileAll(client, roleBindings, systemRoleBindings, mergeBinding),
]

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
  if ((await client.find(resource, keyOf(object))) === undefined) await create(client, resource, object)
}

async function create<T extends KubernetesObject>(client: Client, resource: ResourceDefinition<T>, object: T): Promise<void> {
  try {
    await client.create(resource, object)
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
  }
}

/** One read says what is there of all of them: a server that starts over an empty store would ask a hundred times for nothing. */
async function reconcileAll<T extends KubernetesObject>(
  client: Client,
  resource: ResourceDefinition<T>,
  wanted: readonly T[],
  merge: (draft: T, wanted: T) => void,
): Promise<void> {
  const present = new Map((await client.list(resource)).items.map((each) => [keyOf(each), each]))
  await Promise.all(
    wanted.map(async (each) => {
      const current = present.get(keyOf(each))
      if (current !== undefined) await reconcile(client, resource, current, each, merge)
      else await create(client, resource, each)
    }),
  )
}

/** Adds what is missing in an object; what an administrator added stays, and so does all of what opted out. */
async function reconcile<T extends KubernetesObject>(
  client: Client,
  resource: ResourceDefinition<T>,
  current: T,
  wanted: T,
  merge: (draft: T, wanted: T) => void,
): Promise<void> {
  if (current.metadata?.annotations?.[AUTO_UPDATE] === 'false') return
  if (grantsOther(current, wanted)) {
    await client.delete(resource, keyOf(current), { preconditions: { uid: current.metadata?.uid } })
    await create(client, resource, wanted)
    return
  }
  const draft = deepClone(current)
  merge(draft, wanted)
  if (deepEqual(draft, current)) return
  try {
    await client.update(resource, draft)
  } catch (error) {
    if (!isConflict(error)) throw error
    await reconcileAll(client, resource, [wanted], merge)
  }
}

/** What the role grants stays, and so do labels and annotations that it has; only what nothing of it covers is added. */
function mergeRole(draft: ClusterRole, wanted: ClusterRole): void {
  mergeMetadata(draft, wanted)
  if (wanted.aggregationRule !== undefined) {
    const selectors = draft.aggregationRule?.clusterRoleSelectors ?? []
    const missing = (wanted.aggregationRule.clusterRoleSelectors ?? []).filter(
      (each) => !selectors.some((known) => deepEqual(known, each)),
    )
    draft.aggregationRule = { clusterRoleSelectors: [...selectors, ...deepClone(missing)] }
  } else draft.rules = [...(draft.rules ?? []), ...uncovered(draft.rules ?? [], wanted.rules ?? [])]
}

function mergeBinding(draft: RoleBinding, wanted: RoleBinding): void {
  mergeMetadata(draft, wanted)
  for (const subject of wanted.subjects ?? []) {
    if (!draft.subjects?.some((each) => deepEqual(each, subject)))
      draft.subjects = [...(draft.subjects ?? []), deepClone(subject)]
  }
}

function mergeMetadata({ metadata: draft = {} }: KubernetesObject, { metadata: wanted = {} }: KubernetesObject): void {
  draft.labels = { ...wanted.labels, ...draft.labels }
  draft.annotations = { ...wanted.annotations, ...draft.annotations }
}

/** A role is granted by whom it is bound to, but the role itself of a binding can't be changed: one that grants another role is made anew. */
const grantsOther = (current: KubernetesObject, wanted: KubernetesObject): boolean =>
  'roleRef' in wanted && !deepEqual((current as RoleBinding).roleRef, wanted.roleRef)
