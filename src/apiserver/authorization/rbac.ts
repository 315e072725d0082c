import {
  type ClusterRole,
  clusterRoleBindings,
  clusterRoles,
  type PolicyRule,
  type RoleBinding,
  roleBindings,
  roles,
  type Subject,
} from '#api'
import type { UserInfo } from '#client'
import type { KubernetesObject } from '#meta'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import type { AuthorizationAttributes, Authorizer, Decision } from './types.ts'

/** Rules of one subject, where they apply; '' is the whole cluster. */
interface Grant {
  readonly namespace: string
  readonly rules: readonly PolicyRule[]
}

/** Users whose grants are remembered between changes of roles and bindings. */
const MEMO_USERS_MAX = 5_000

/** Role-based access control (https://kubernetes.io/docs/reference/access-authn-authz/rbac/), on what the cache holds. */
export class RbacAuthorizer implements Authorizer {
  readonly name = 'RBAC'
  readonly #cache: WatchCache
  readonly #grants = new Map<string, Grant[]>()

  constructor(cache: WatchCache) {
    this.#cache = cache
    const forget = (): void => this.#grants.clear()
    for (const resource of [roles, clusterRoles, roleBindings, clusterRoleBindings]) cache.of(resource).subscribe(forget)
  }

  authorize(attributes: AuthorizationAttributes): Decision {
    const { user } = attributes
    for (const { namespace, rules } of this.grantsOf(user)) {
      if (namespace !== '' && !(attributes.isResource && attributes.namespace === namespace)) continue
      if (rules.some((rule) => allows(rule, attributes))) return { decision: 'allow', reason: 'RBAC: allowed' }
    }
    return { decision: 'no-opinion', reason: '' }
  }

  /** Every rule that applies to a user, with its namespace. */
  grantsOf(user: UserInfo): readonly Grant[] {
    const id = `${user.username}\n${user.groups.join('\n')}`
    const known = this.#grants.get(id)
    if (known !== undefined) return known
    const grants: Grant[] = []
    for (const binding of this.#objects<RoleBinding>(clusterRoleBindings)) {
      if (bindsUser(binding, user)) grants.push({ namespace: '', rules: this.rulesOf(binding) })
    }
    for (const binding of this.#objects<RoleBinding>(roleBindings)) {
      if (bindsUser(binding, user)) grants.push({ namespace: binding.metadata?.namespace ?? '', rules: this.rulesOf(binding) })
    }
    if (this.#grants.size >= MEMO_USERS_MAX) this.#grants.clear()
    this.#grants.set(id, grants)
    return grants
  }

  /** Rules of the role that a binding names; none while it does not exist. */
  rulesOf({ metadata, roleRef }: RoleBinding): readonly PolicyRule[] {
    const version =
      roleRef.kind === 'Role'
        ? this.#cache.of(roles).get(`${metadata?.namespace}/${roleRef.name}`)
        : this.#cache.of(clusterRoles).get(roleRef.name)
    return (version?.object as ClusterRole | undefined)?.rules ?? []
  }

  #objects<T extends KubernetesObject>(resource: Parameters<WatchCache['of']>[0]): Iterable<T> {
    return this.#cache.of(resource).objects() as Iterable<T>
  }
}

function bindsUser({ subjects, metadata }: RoleBinding, user: UserInfo): boolean {
  return (subjects ?? []).some((subject) => isSubject(subject, user, metadata?.namespace))
}

function isSubject({ kind, name, namespace }: Subject, user: UserInfo, bindingNamespace: string | undefined): boolean {
  switch (kind) {
    case 'User':
      return user.username === name
    case 'Group':
      return user.groups.includes(name)
    case 'ServiceAccount':
      return user.username === `system:serviceaccount:${namespace || bindingNamespace}:${name}`
    default:
      return false
  }
}

const has = (list: readonly string[] | undefined, value: string): boolean =>
  list !== undefined && (list.includes('*') || list.includes(value))

export function allows(rule: PolicyRule, attributes: AuthorizationAttributes): boolean {
  if (!has(rule.verbs, attributes.verb)) return false
  if (!attributes.isResource) return (rule.nonResourceURLs ?? []).some((pattern) => matchesPath(pattern, attributes.path))
  const { group, resource, subresource, name } = attributes
  if (!has(rule.apiGroups, group)) return false
  const full = subresource === '' ? resource : `${resource}/${subresource}`
  const matchesResource = (rule.resources ?? []).some(
    (each) => each === '*' || each === full || (subresource !== '' && each === `*/${subresource}`),
  )
  if (!matchesResource) return false
  return !rule.resourceNames?.length || rule.resourceNames.includes(name)
}

const matchesPath = (pattern: string, path: string): boolean =>
  pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)))
