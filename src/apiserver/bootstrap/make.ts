import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from '#api'

const GROUP = 'rbac.authorization.k8s.io'
const RBAC = { apiVersion: `${GROUP}/v1` } as const
const LABELS = { 'kubernetes.io/bootstrapping': 'rbac-defaults' }
const ANNOTATIONS = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' }

export const READ = 'get list watch'
export const WRITE = 'create delete deletecollection patch update'

/** A rule in short: groups, resources and verbs by spaces; `core` is the group ''. */
export const rule = (groups: string, resources: string, verbs: string): PolicyRule => ({
  apiGroups: groups.split(' ').map((group) => (group === 'core' ? '' : group)),
  resources: resources.split(' '),
  verbs: verbs.split(' '),
})

/** The same for objects of certain names. */
export const named = (group: string, resource: string, verbs: string, ...resourceNames: string[]): PolicyRule => ({
  ...rule(group, resource, verbs),
  resourceNames,
})

/** Reading paths that are no resources. */
export const paths = (...nonResourceURLs: string[]): PolicyRule => ({ nonResourceURLs, verbs: ['get'] })

export const eventsRule = rule('core events.k8s.io', 'events', 'create patch update')

/** A verb on Kubernetes' own certificate signers, for which admission asks. */
export const signers = (verb: string, ...names: string[]): PolicyRule =>
  named('certificates.k8s.io', 'signers', verb, ...names.map((name) => `kubernetes.io/${name}`))

export const clusterRole = (name: string, rules: readonly PolicyRule[], labels: Record<string, string> = {}): ClusterRole => ({
  ...RBAC,
  kind: 'ClusterRole',
  metadata: { name, labels: { ...LABELS, ...labels }, annotations: ANNOTATIONS },
  rules: [...rules],
})

/** Labels a role as a part of `admin`, `edit` or `view`. */
export const aggregateTo = (role: string): Record<string, string> => ({ [`${GROUP}/aggregate-to-${role}`]: 'true' })

/** A role that the aggregation controller makes of all that are labelled as its parts. */
export const aggregated = (name: string, labels: Record<string, string> = {}): ClusterRole => ({
  ...clusterRole(name, [], labels),
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: aggregateTo(name) }] },
})

export const user = (name: string): Subject => ({ kind: 'User', apiGroup: GROUP, name })
export const group = (name: string): Subject => ({ kind: 'Group', apiGroup: GROUP, name })
export const account = (name: string): Subject => ({ kind: 'ServiceAccount', name, namespace: 'kube-system' })

/** Binds the ClusterRole of the same name. */
export const clusterBinding = (name: string, ...subjects: Subject[]): ClusterRoleBinding => ({
  ...RBAC,
  kind: 'ClusterRoleBinding',
  metadata: { name, labels: LABELS, annotations: ANNOTATIONS },
  roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name },
  ...(subjects.length > 0 && { subjects }),
})

export const role = (namespace: string, name: string, rules: readonly PolicyRule[]): Role => ({
  ...RBAC,
  kind: 'Role',
  metadata: { name, namespace, labels: LABELS, annotations: ANNOTATIONS },
  rules: [...rules],
})

export const roleBinding = (namespace: string, name: string, roleName: string, ...subjects: Subject[]): RoleBinding => ({
  ...RBAC,
  kind: 'RoleBinding',
  metadata: { name, namespace, labels: LABELS, annotations: ANNOTATIONS },
  roleRef: { apiGroup: GROUP, kind: 'Role', name: roleName },
  subjects,
})
