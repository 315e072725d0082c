import { defineResource } from '../define-resource.ts'
import type { ClusterRoleBinding } from '../generated/types.ts'
import { pathSegmentName } from '../validation/names.ts'
import { bindingColumns } from './binding-columns.ts'
import { defaultBinding } from './default-binding.ts'
import { validateBinding, validateBindingUpdate } from './validate-rbac.ts'

export const clusterRoleBindings = defineResource<ClusterRoleBinding>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRoleBinding',
  scope: 'Cluster',
  names: { plural: 'clusterrolebindings' },
  createsOnUpdate: true,
  default: defaultBinding,
  columns: bindingColumns('ClusterRoleBinding'),
  validateName: pathSegmentName,
  validate: (binding, found) => validateBinding(binding, false, found),
  validateUpdate: validateBindingUpdate,
  schema: 'io.k8s.api.rbac.v1.ClusterRoleBinding',
})
