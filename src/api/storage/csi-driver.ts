import { defineResource } from '../define-resource.ts'
import type { CSIDriver } from '../generated/types.ts'

export const csiDrivers = defineResource<CSIDriver>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  scope: 'Cluster',
  names: { plural: 'csidrivers' },
  schema: 'io.k8s.api.storage.v1.CSIDriver',
})
