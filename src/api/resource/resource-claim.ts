import { defineResource } from '../define-resource.ts'
import type { ResourceResourceClaim } from '../generated/types.ts'

export const resourceClaims = defineResource<ResourceResourceClaim>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaim',
  scope: 'Namespaced',
  names: { plural: 'resourceclaims' },
  subresources: { status: true },
  schema: 'io.k8s.api.resource.v1.ResourceClaim',
})
