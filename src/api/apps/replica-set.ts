import { defineResource } from '../define-resource.ts'
import type { ReplicaSet } from '../generated/types.ts'

export const replicaSets = defineResource<ReplicaSet>({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  scope: 'Namespaced',
  names: { plural: 'replicasets', shortNames: ['rs'], categories: ['all'] },
  subresources: { status: true, scale: { spec: '.spec.replicas', status: '.status.replicas' } },
  generation: true,
  schema: 'io.k8s.api.apps.v1.ReplicaSet',
})
