import { age, name, text } from '../columns.ts'
import { classWarnings } from '../core/storage-warnings.ts'
import { defineResource } from '../define-resource.ts'
import type { StorageClass } from '../generated/types.ts'
import { validateStorageClass, validateStorageClassUpdate } from './validate-storage.ts'

export const storageClasses = defineResource<StorageClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  scope: 'Cluster',
  names: { plural: 'storageclasses', shortNames: ['sc'] },
  returnsDeleted: true,
  default(draft) {
    draft.reclaimPolicy ||= 'Delete'
    draft.volumeBindingMode ||= 'Immediate'
  },
  columns: [
    { ...name, value: ({ metadata }) => (isDefaultClass(metadata) ? `${metadata?.name} (default)` : metadata?.name) },
    text('Provisioner', ({ provisioner }) => provisioner, 'storage.v1.StorageClass#provisioner'),
    text('ReclaimPolicy', ({ reclaimPolicy }) => reclaimPolicy, 'storage.v1.StorageClass#reclaimPolicy'),
    text('VolumeBindingMode', ({ volumeBindingMode }) => volumeBindingMode, 'storage.v1.StorageClass#volumeBindingMode'),
    text(
      'AllowVolumeExpansion',
      ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false,
      'storage.v1.StorageClass#allowVolumeExpansion',
    ),
    age,
  ],
  validate: validateStorageClass,
  warnings: (storageClass, _old, warnings) => classWarnings(storageClass, warnings),
  validateUpdate: validateStorageClassUpdate,
  schema: 'io.k8s.api.storage.v1.StorageClass',
})

/** Claims that name no class get this one. */
export const isDefaultClass = (metadata: StorageClass['metadata']): boolean =>
  metadata?.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true' ||
  metadata?.annotations?.['storageclass.beta.kubernetes.io/is-default-class'] === 'true'
