import { name, text } from '../columns.ts'
import { capacityWarnings } from '../core/storage-warnings.ts'
import { defineResource } from '../define-resource.ts'
import type { CSIStorageCapacity } from '../generated/types.ts'
import { validateStorageCapacity, validateStorageCapacityUpdate } from './validate-storage.ts'

export const csiStorageCapacities = defineResource<CSIStorageCapacity>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  scope: 'Namespaced',
  names: { plural: 'csistoragecapacities' },
  unconditionalUpdate: false,
  columns: [
    name,
    text('StorageClassName', ({ storageClassName }) => storageClassName, 'storage.v1.CSIStorageCapacity#storageClassName'),
    text('Capacity', ({ capacity }) => capacity ?? '<unset>', 'storage.v1.CSIStorageCapacity#capacity'),
  ],
  validate: validateStorageCapacity,
  validateUpdate: validateStorageCapacityUpdate,
  warnings: (capacity, _old, warnings) => capacityWarnings(capacity, warnings),
  schema: 'io.k8s.api.storage.v1.CSIStorageCapacity',
})
