import { defineResource } from '../define-resource.ts'
import type { StorageClass } from '../generated/types.ts'

export const storageClasses = defineResource<StorageClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  scope: 'Cluster',
  names: { plural: 'storageclasses', shortNames: ['sc'] },
  default(draft) {
    draft.reclaimPolicy ||= 'Delete'
    draft.volumeBindingMode ||= 'Immediate'
  },
  schema: 'io.k8s.api.storage.v1.StorageClass',
})
