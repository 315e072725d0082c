import { createdAt, name } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { ClusterRole } from '../generated/types.ts'
import { labelSelector } from '../validation/common.ts'
import { invalidValue, required } from '../validation/findings.ts'
import { pathSegmentName } from '../validation/names.ts'
import { validateRules } from './validate-rbac.ts'

export const clusterRoles = defineResource<ClusterRole>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRole',
  scope: 'Cluster',
  names: { plural: 'clusterroles' },
  createsOnUpdate: true,
  default(draft) {
    draft.rules ??= []
  },
  columns: [name, createdAt],
  validateName: pathSegmentName,
  validate({ rules, aggregationRule }, found) {
    validateRules(rules, false, found)
    if (aggregationRule !== undefined && !aggregationRule.clusterRoleSelectors?.length) {
      const rule = 'at least one clusterRoleSelector required if aggregationRule is non-nil'
      found.push(required('aggregationRule.clusterRoleSelectors', rule))
    }
    for (const [index, selector] of (aggregationRule?.clusterRoleSelectors ?? []).entries()) {
      const path = `aggregationRule.clusterRoleSelectors[${index}]`
      const before = found.length
      labelSelector(selector, path, found)
      // Upstream also tries to use it.
      if (found.length > before) found.push(invalidValue(path, undefined, 'invalid label selector.'))
    }
  },
  schema: 'io.k8s.api.rbac.v1.ClusterRole',
})
