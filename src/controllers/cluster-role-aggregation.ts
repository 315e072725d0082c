import { type ClusterRole, clusterRoles, type PolicyRule } from '#api'
import { deepEqual } from '#base'
import { keyOf, selects } from '#meta'
import { defineController, done, watch } from './framework/index.ts'

/** Fills the rules of roles that are made of others (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles). */
export const clusterRoleAggregation = defineController<ClusterRole>({
  name: 'clusterrole-aggregation-controller',
  for: clusterRoles,
  // Any role may be a part of any aggregate.
  watches: [
    watch(clusterRoles, (_role, { cache }) =>
      cache(clusterRoles)
        .list()
        .filter(({ aggregationRule }) => aggregationRule !== undefined)
        .map(keyOf),
    ),
  ],
  async reconcile({ key, cache, client }) {
    const role = cache(clusterRoles).get(key)
    if (role?.aggregationRule === undefined) return done
    const parts = cache(clusterRoles)
      .list()
      .filter(
        (each) =>
          each.metadata?.name !== key &&
          role.aggregationRule?.clusterRoleSelectors?.some((selector) => selects(selector, each.metadata?.labels)),
      )
      .sort((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1))
    const rules: PolicyRule[] = []
    for (const rule of parts.flatMap((part) => part.rules ?? []))
      if (!rules.some((each) => deepEqual(each, rule))) rules.push(rule)
    if (!deepEqual(rules, role.rules ?? [])) await client.update(clusterRoles, { ...role, rules })
    return done
  },
})
