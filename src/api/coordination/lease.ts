import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { Lease } from '../generated/types.ts'

export const leases = defineResource<Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  scope: 'Namespaced',
  names: { plural: 'leases' },
  columns: [name, text('Holder', ({ spec }) => spec?.holderIdentity), age],
  schema: 'io.k8s.api.coordination.v1.Lease',
})
