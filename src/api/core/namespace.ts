import { defineResource } from '../define-resource.ts'
import type { Namespace } from '../generated/types.ts'

export const namespaces = defineResource<Namespace>({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  scope: 'Cluster',
  names: { plural: 'namespaces', shortNames: ['ns'] },
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  subresources: { status: true, others: { finalize: { kind: 'Namespace', verbs: ['update'] } } },
  schema: 'io.k8s.api.core.v1.Namespace',
})
