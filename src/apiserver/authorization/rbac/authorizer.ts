import { type ClusterRole, clusterRoles, type PolicyRule, roles } from '#api'
import type { UserInfo } from '#client'
import type { WatchCache } from '../../watch-cache/watch-cache.ts'
import {
  type AuthorizationAttributes,
  type Authorizer,
  aggregated,
  allow,
  type Decision,
  type KnownRules,
  noOpinion,
} from '../types.ts'
import { BindingIndex, type Bound } from './binding-index.ts'
import { allows } from './rules.ts'

type ResourceView = ReturnType<WatchCache['of']>

const NO_OPINION = noOpinion()

/** Role-based access control (https://kubernetes.io/docs/reference/access-authn-authz/rbac/), on what the cache holds. */
export class RbacAuthorizer implements Authorizer {
  readonly name = 'RBAC'
  readonly #roles: ResourceView
  readonly #clusterRoles: ResourceView
  readonly #bindings: BindingIndex

  constructor(cache: WatchCache) {
    this.#roles = cache.of(roles)
    this.#clusterRoles = cache.of(clusterRoles)
    this.#bindings = new BindingIndex(cache)
  }

  authorize(attributes: AuthorizationAttributes): Decision {
    let missing: Bound[] | undefined
    for (const bound of this.#bindings.boundTo(attributes.user, attributes.isResource ? attributes.namespace : '')) {
      const rules = this.#rulesOf(bound)
      if (rules === undefined) (missing ??= []).push(bound)
      else for (const rule of rules) if (allows(rule, attributes)) return grantBy(bound)
    }
    return missing === undefined ? NO_OPINION : noOpinion(`RBAC: ${aggregated(missing.map(roleNotFound))}`)
  }

  rulesFor(user: UserInfo, namespace: string): KnownRules {
    const { rules, errors } = this.rulesOf(user, namespace)
    return {
      resourceRules: rules.filter(({ resources }) => resources?.length),
      nonResourceRules: rules.filter(({ nonResourceURLs }) => nonResourceURLs?.length),
      incomplete: false,
      errors,
    }
  }

  /** Every rule that a user has in a namespace, '' for those of the whole cluster alone; and what kept others from being known. */
  rulesOf(user: UserInfo, namespace: string): { readonly rules: readonly PolicyRule[]; readonly errors: readonly string[] } {
    const rules: PolicyRule[] = []
    const errors: string[] = []
    for (const bound of this.#bindings.boundTo(user, namespace)) {
      const granted = this.#rulesOf(bound)
      if (granted === undefined) errors.push(roleNotFound(bound))
      else rules.push(...granted)
    }
    return { rules, errors }
  }

  /** Of a Role in a namespace, or of a ClusterRole; undefined while it does not exist. */
  rulesOfRole(kind: string, namespace: string, name: string): readonly PolicyRule[] | undefined {
    const role = kind === 'Role' ? this.#roles.get(`${namespace}/${name}`) : this.#clusterRoles.get(name)
    return role && ((role.object as ClusterRole).rules ?? [])
  }

  #rulesOf({ namespace, roleKind, roleName }: Bound): readonly PolicyRule[] | undefined {
    return this.rulesOfRole(roleKind, namespace, roleName)
  }
}

const grants = new WeakMap<Bound, Decision>()

/** That a binding allows it, which is worded once. */
function grantBy(bound: Bound): Decision {
  let grant = grants.get(bound)
  if (grant === undefined) grants.set(bound, (grant = allow(`RBAC: allowed by ${describe(bound)}`)))
  return grant
}

/** In upstream's words, as reviews and audit annotations show them. */
function describe({ bindingName, namespace, roleKind, roleName, subject }: Bound): string {
  const binding =
    namespace === '' ? `ClusterRoleBinding ${quote(bindingName)}` : `RoleBinding ${quote(`${bindingName}/${namespace}`)}`
  const name = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace || namespace}` : subject.name
  return `${binding} of ${roleKind} ${quote(roleName)} to ${subject.kind} ${quote(name)}`
}

const quote = (text: string): string => JSON.stringify(text)

const roleNotFound = ({ roleKind, roleName }: Bound): string =>
  `${roleKind.toLowerCase()}.rbac.authorization.k8s.io ${quote(roleName)} not found`
