import { clusterRoleBindings, clusterRoles, type PolicyRule, roleBindings, roles } from '#api'
import type { Client } from '#client'

const GROUP = 'rbac.authorization.k8s.io'
const RBAC = { apiVersion: `${GROUP}/v1` } as const

export interface GrantedTo {
  /** Of the role and of the binding; by default both are named after the user. */
  readonly name?: string
  /** Only there; by default everywhere. */
  readonly namespace?: string
}

/** Gives a user what the rules say, by a role and a binding of their own. */
export async function grant(
  client: Client,
  username: string,
  rules: PolicyRule[],
  { name = username, namespace }: GrantedTo = {},
): Promise<void> {
  const subjects = [{ apiGroup: GROUP, kind: 'User', name: username }]
  if (namespace === undefined) {
    await client.create(clusterRoles, { ...RBAC, kind: 'ClusterRole', metadata: { name }, rules })
    const roleRef = { apiGroup: GROUP, kind: 'ClusterRole', name }
    await client.create(clusterRoleBindings, { ...RBAC, kind: 'ClusterRoleBinding', metadata: { name }, roleRef, subjects })
    return
  }
  await client.create(roles, { ...RBAC, kind: 'Role', metadata: { name, namespace }, rules })
  const roleRef = { apiGroup: GROUP, kind: 'Role', name }
  await client.create(roleBindings, { ...RBAC, kind: 'RoleBinding', metadata: { name, namespace }, roleRef, subjects })
}

/** A rule in short: groups, resources and verbs by spaces; `core` is the group ''. */
export const ruleOf = (groups: string, resources: string, verbs: string, ...resourceNames: string[]): PolicyRule => ({
  apiGroups: groups.split(' ').map((group) => (group === 'core' ? '' : group)),
  resources: resources.split(' '),
  verbs: verbs.split(' '),
  ...(resourceNames.length > 0 && { resourceNames }),
})
