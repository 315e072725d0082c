import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { ResourceResourceClaim } from '../generated/types.ts'
import { defaultClaim } from './default-claim.ts'

export const resourceClaims = defineResource<ResourceResourceClaim>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaim',
  scope: 'Namespaced',
  names: { plural: 'resourceclaims' },
  subresources: { status: true },
  default({ spec }) {
    defaultClaim(spec)
  },
  columns: [
    name,
    text('State', ({ metadata, status }) => {
      const states = [
        ...(metadata?.deletionTimestamp ? ['deleted'] : []),
        ...(status?.allocation ? ['allocated'] : []),
        ...(status?.reservedFor?.length ? ['reserved'] : []),
      ]
      return states.join(',') || 'pending'
    }),
    age,
  ],
  schema: 'io.k8s.api.resource.v1.ResourceClaim',
})
