import { defineResource } from '../define-resource.ts'
import type { StatefulSet } from '../generated/types.ts'

export const statefulSets = defineResource<StatefulSet>({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  scope: 'Namespaced',
  names: { plural: 'statefulsets', shortNames: ['sts'], categories: ['all'] },
  subresources: { status: true, scale: { spec: '.spec.replicas', status: '.status.replicas' } },
  generation: true,
  schema: 'io.k8s.api.apps.v1.StatefulSet',
})
