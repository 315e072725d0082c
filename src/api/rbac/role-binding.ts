import { defineResource } from '../define-resource.ts'
import type { RoleBinding } from '../generated/types.ts'
import { pathSegmentName } from '../validation/names.ts'
import { bindingColumns } from './binding-columns.ts'
import { defaultBinding } from './default-binding.ts'
import { validateBinding, validateBindingUpdate } from './validate-rbac.ts'

export const roleBindings = defineResource<RoleBinding>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'RoleBinding',
  scope: 'Namespaced',
  names: { plural: 'rolebindings' },
  createsOnUpdate: true,
  default: defaultBinding,
  columns: bindingColumns('RoleBinding'),
  validateName: pathSegmentName,
  validate: (binding, found) => validateBinding(binding, true, found),
  validateUpdate: validateBindingUpdate,
  schema: 'io.k8s.api.rbac.v1.RoleBinding',
})
