import { defineResource } from '../define-resource.ts'
import type { CSIStorageCapacity } from '../generated/types.ts'

export const csiStorageCapacities = defineResource<CSIStorageCapacity>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  scope: 'Namespaced',
  names: { plural: 'csistoragecapacities' },
  schema: 'io.k8s.api.storage.v1.CSIStorageCapacity',
})
