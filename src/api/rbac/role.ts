import { createdAt, name } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { Role } from '../generated/types.ts'
import { pathSegmentName } from '../validation/names.ts'
import { validateRules } from './validate-rbac.ts'

export const roles = defineResource<Role>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'Role',
  scope: 'Namespaced',
  names: { plural: 'roles' },
  createsOnUpdate: true,
  default(draft) {
    draft.rules ??= []
  },
  columns: [name, createdAt],
  validateName: pathSegmentName,
  validate: ({ rules }, found) => validateRules(rules, true, found),
  schema: 'io.k8s.api.rbac.v1.Role',
})
