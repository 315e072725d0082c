import {
  type ClusterRole,
  clusterRoleBindings,
  clusterRoles,
  type PolicyRule,
  type ResourceDefinition,
  type Role,
  type RoleBinding,
  roleBindings,
  roles,
} from '#api'
import { deepEqual } from '#base'
import { forbidden, type KubernetesObject, notFound } from '#meta'
import { authorizeBy, refuseEscalation, uncovered } from '../authorization/index.ts'
import { type Hook, nothingToDo, type WriteContext } from './types.ts'

/** The group that may grant what it does not hold: it holds everything. */
const PRIVILEGED = 'system:masters'

const EVERYTHING: readonly PolicyRule[] = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
]

/** Who writes a role must hold what it says, or the verb `escalate` on it. */
export const rbacHooks: readonly Hook<KubernetesObject>[] = [
  guarded<Role>(roles, checkRole),
  guarded<ClusterRole>(clusterRoles, checkRole),
  guarded<RoleBinding>(roleBindings, checkBinding),
  guarded<RoleBinding>(clusterRoleBindings, checkBinding),
] as unknown as readonly Hook<KubernetesObject>[]

type Check<T> = (draft: T, old: T | undefined, resource: ResourceDefinition, context: WriteContext) => Promise<void>

function guarded<T extends KubernetesObject>(resource: ResourceDefinition, check: Check<T>): Hook<T> {
  const run = async (draft: T, old: T | undefined, context: WriteContext): Promise<typeof nothingToDo> => {
    const isPrivileged = context.user.groups.includes(PRIVILEGED)
    if (!isPrivileged && !(old !== undefined && changesOnlyOwnership(draft, old))) await check(draft, old, resource, context)
    return nothingToDo
  }
  return {
    resource: resource as ResourceDefinition<T>,
    beginCreate: (draft, context) => run(draft, undefined, context),
    beginUpdate: (draft, old, context) => run(draft, old, context),
    async afterDelete() {},
  }
}

async function checkRole(
  draft: ClusterRole,
  old: ClusterRole | undefined,
  resource: ResourceDefinition,
  context: WriteContext,
): Promise<void> {
  const { user, rbac } = context
  const { namespace = '', name = '' } = draft.metadata ?? {}
  // A request that creates has no name yet that could be authorised.
  if (await holds('escalate', resource.names.plural, namespace, old === undefined ? '' : name, context)) return
  const held = rbac.rulesOf(user, namespace)
  refuseEscalation(user, held, draft.rules ?? [], resource, name)
  // What it will gather is not known yet, and who takes the rule away keeps what it gathered from being tightened.
  if ((aggregates(draft) || aggregates(old)) && uncovered(held.rules, EVERYTHING).length > 0)
    throw forbidden(resource, name, 'must have cluster-admin privileges to use the aggregationRule')
}

/** Who writes a binding must hold what its role says, or the verb `bind` on that role. */
async function checkBinding(
  draft: RoleBinding,
  _old: RoleBinding | undefined,
  resource: ResourceDefinition,
  context: WriteContext,
): Promise<void> {
  const { user, rbac } = context
  const { namespace = '', name = '' } = draft.metadata ?? {}
  const { kind, name: roleName = '' } = draft.roleRef ?? {}
  const role = kind === 'Role' ? roles : kind === 'ClusterRole' ? clusterRoles : undefined
  // Validation says what is wrong with it.
  if (role === undefined || roleName === '') return
  if (await holds('bind', role.names.plural, namespace, roleName, context)) return
  const wanted = rbac.rulesOfRole(kind, namespace, roleName)
  if (wanted === undefined) throw notFound(role, roleName)
  refuseEscalation(user, rbac.rulesOf(user, namespace), wanted, resource, name)
}

async function holds(
  verb: string,
  plural: string,
  namespace: string,
  name: string,
  { user, authorizers }: WriteContext,
): Promise<boolean> {
  const about = { group: roles.group, version: roles.version, resource: plural, subresource: '', namespace, name }
  const { decision } = await authorizeBy(authorizers, { user, verb, isResource: true, ...about })
  return decision === 'allow'
}

const aggregates = (role: ClusterRole | undefined): boolean => Boolean(role?.aggregationRule?.clusterRoleSelectors?.length)

/** The garbage collector may let go of what it could not have written. */
function changesOnlyOwnership(draft: KubernetesObject, old: KubernetesObject): boolean {
  const rest = ({ metadata, ...content }: KubernetesObject): unknown => {
    const { ownerReferences: _, finalizers: __, managedFields: ___, resourceVersion: ____, ...meta } = metadata ?? {}
    return { ...content, meta }
  }
  return deepEqual(rest(draft), rest(old))
}
