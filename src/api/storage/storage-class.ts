import { deepEqual } from '#base'
import { age, boolean, name, text } from '../columns.ts'
import { classWarnings } from '../core/storage-warnings.ts'
import { defineResource } from '../define-resource.ts'
import type { StorageClass } from '../generated/types.ts'
import { forbid, IMMUTABLE, invalidValue } from '../validation/findings.ts'
import { validateStorageClass } from './validate-storage.ts'

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
    text('Provisioner', ({ provisioner }) => provisioner),
    text('ReclaimPolicy', ({ reclaimPolicy }) => reclaimPolicy),
    text('VolumeBindingMode', ({ volumeBindingMode }) => volumeBindingMode),
    boolean('AllowVolumeExpansion', ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false),
    age,
  ],
  validate: validateStorageClass,
  warnings: classWarnings,
  *validateUpdate(storageClass, old) {
    // Volumes made by the class must mean what they meant.
    for (const key of ['parameters', 'provisioner', 'reclaimPolicy'] as const) {
      if (!deepEqual(storageClass[key], old[key])) yield forbid(key, `updates to ${key} are forbidden.`)
    }
    if (storageClass.volumeBindingMode !== old.volumeBindingMode) {
      yield invalidValue('volumeBindingMode', storageClass.volumeBindingMode ?? '', IMMUTABLE)
    }
  },
  schema: 'io.k8s.api.storage.v1.StorageClass',
})

/** Claims that name no class get this one. */
export const isDefaultClass = (metadata: StorageClass['metadata']): boolean =>
  metadata?.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true' ||
  metadata?.annotations?.['storageclass.beta.kubernetes.io/is-default-class'] === 'true'
