import { defineResource } from '../define-resource.ts'
import type { ResourceClaimTemplate } from '../generated/types.ts'
import { defaultClaim } from './default-claim.ts'

export const resourceClaimTemplates = defineResource<ResourceClaimTemplate>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaimTemplate',
  scope: 'Namespaced',
  names: { plural: 'resourceclaimtemplates' },
  default({ spec }) {
    defaultClaim(spec?.spec)
  },
  schema: 'io.k8s.api.resource.v1.ResourceClaimTemplate',
})
