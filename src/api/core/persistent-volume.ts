import { accessModes, age, name, text, wide } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { PersistentVolume } from '../generated/types.ts'
import { defaultRemoteVolume } from './default-volume.ts'
import { volumeWarnings } from './storage-warnings.ts'
import { CLASS_ANNOTATION } from './validate-claim.ts'
import { validatePersistentVolume, validatePersistentVolumeUpdate } from './validate-persistent-volume.ts'

export const persistentVolumes = defineResource<PersistentVolume>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  scope: 'Cluster',
  names: { plural: 'persistentvolumes', shortNames: ['pv'] },
  returnsDeleted: true,
  subresources: { status: true },
  default(draft) {
    const spec = (draft.spec ??= {})
    spec.persistentVolumeReclaimPolicy ||= 'Retain'
    spec.volumeMode ||= 'Filesystem'
    if (spec.hostPath) spec.hostPath.type ??= ''
    // The shared fields are the same in both; only the secret's form differs.
    defaultRemoteVolume(spec as Parameters<typeof defaultRemoteVolume>[0])
    draft.status ??= {}
    draft.status.phase ||= 'Pending'
  },
  prepareForCreate(draft) {
    draft.status = { phase: 'Pending' }
  },
  columns: [
    name,
    text('Capacity', ({ spec }) => spec?.capacity?.['storage'] ?? '0', 'core.v1.PersistentVolumeSpec#capacity'),
    text('Access Modes', ({ spec }) => accessModes(spec?.accessModes), 'core.v1.PersistentVolumeSpec#accessModes'),
    text(
      'Reclaim Policy',
      ({ spec }) => spec?.persistentVolumeReclaimPolicy,
      'core.v1.PersistentVolumeSpec#persistentVolumeReclaimPolicy',
    ),
    text(
      'Status',
      ({ metadata, status }) => (metadata?.deletionTimestamp ? 'Terminating' : status?.phase),
      'core.v1.PersistentVolumeStatus#phase',
    ),
    text(
      'Claim',
      ({ spec }) => (spec?.claimRef ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}` : ''),
      'core.v1.PersistentVolumeSpec#claimRef',
    ),
    text(
      'StorageClass',
      ({ metadata, spec }) => metadata?.annotations?.[CLASS_ANNOTATION] ?? spec?.storageClassName,
      'StorageClass of the pv',
    ),
    text('VolumeAttributesClass', ({ spec }) => spec?.volumeAttributesClassName ?? '<unset>', 'VolumeAttributesClass of the pv'),
    text('Reason', ({ status }) => status?.reason, 'core.v1.PersistentVolumeStatus#reason'),
    age,
    wide('VolumeMode', ({ spec }) => spec?.volumeMode ?? '<unset>', 'core.v1.PersistentVolumeSpec#volumeMode'),
  ],
  validate: validatePersistentVolume,
  validateUpdate: validatePersistentVolumeUpdate,
  warnings: (volume, _old, warnings) => volumeWarnings(volume, warnings),
  schema: 'io.k8s.api.core.v1.PersistentVolume',
})
