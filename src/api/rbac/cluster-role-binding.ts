import { defineResource } from '../define-resource.ts'
import type { ClusterRoleBinding } from '../generated/types.ts'

export const clusterRoleBindings = defineResource<ClusterRoleBinding>({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRoleBinding',
  scope: 'Cluster',
  names: { plural: 'clusterrolebindings' },
  schema: 'io.k8s.api.rbac.v1.ClusterRoleBinding',
})
