import { defineResource } from '../define-resource.ts'
import type { Deployment } from '../generated/types.ts'

export const deployments = defineResource<Deployment>({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  scope: 'Namespaced',
  names: { plural: 'deployments', shortNames: ['deploy'], categories: ['all'] },
  subresources: { status: true, scale: { spec: '.spec.replicas', status: '.status.replicas' } },
  generation: true,
  schema: 'io.k8s.api.apps.v1.Deployment',
})
