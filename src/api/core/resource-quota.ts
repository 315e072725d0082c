import { defineResource } from '../define-resource.ts'
import type { ResourceQuota } from '../generated/types.ts'

export const resourceQuotas = defineResource<ResourceQuota>({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  scope: 'Namespaced',
  names: { plural: 'resourcequotas', shortNames: ['quota'] },
  subresources: { status: true },
  default(draft) {
    draft.spec ??= {}
    draft.status ??= {}
  },
  schema: 'io.k8s.api.core.v1.ResourceQuota',
})
