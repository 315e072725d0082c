import { defineResource } from '../define-resource.ts'
import type { ReplicationController } from '../generated/types.ts'

export const replicationControllers = defineResource<ReplicationController>({
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  scope: 'Namespaced',
  names: { plural: 'replicationcontrollers', shortNames: ['rc'], categories: ['all'] },
  subresources: { status: true, scale: { spec: '.spec.replicas', status: '.status.replicas' } },
  generation: true,
  schema: 'io.k8s.api.core.v1.ReplicationController',
})
