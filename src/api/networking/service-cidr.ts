import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { ServiceCIDR } from '../generated/types.ts'

export const serviceCIDRs = defineResource<ServiceCIDR>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  scope: 'Cluster',
  names: { plural: 'servicecidrs' },
  subresources: { status: true },
  generation: true,
  columns: [name, text('CIDRs', ({ spec }) => spec?.cidrs?.join(',')), age],
  schema: 'io.k8s.api.networking.v1.ServiceCIDR',
})
