import { accessModes, age, name, text, wide } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { PersistentVolumeClaim, TypedLocalObjectReference } from '../generated/types.ts'
import { defaultClaimSpec } from './default-volume.ts'
import { claimWarnings } from './storage-warnings.ts'
import { CLASS_ANNOTATION, validateClaim, validateClaimStatus, validateClaimUpdate } from './validate-claim.ts'

export const persistentVolumeClaims = defineResource<PersistentVolumeClaim>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  scope: 'Namespaced',
  names: { plural: 'persistentvolumeclaims', shortNames: ['pvc'] },
  returnsDeleted: true,
  subresources: { status: true },
  default(draft) {
    defaultClaimSpec((draft.spec ??= {}))
    draft.status ??= {}
    draft.status.phase ||= 'Pending'
  },
  prepareForCreate(draft) {
    draft.status = { phase: 'Pending' }
    const spec = draft.spec ?? {}
    // What asks for volumes in the old field may ask for a copy or a snapshot; all else was ignored there always.
    if (!spec.dataSourceRef && spec.dataSource && !isCopyOrSnapshot(spec.dataSource)) delete spec.dataSource
    // One source under two names: the older one can't say a namespace.
    if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource }
    else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
      const { namespace: _, ...reference } = spec.dataSourceRef
      spec.dataSource = reference
    }
  },
  columns: [
    name,
    text(
      'Status',
      ({ metadata, status }) => (metadata?.deletionTimestamp ? 'Terminating' : status?.phase),
      'core.v1.PersistentVolumeClaimStatus#phase',
    ),
    text('Volume', ({ spec }) => spec?.volumeName, 'core.v1.PersistentVolumeClaimSpec#volumeName'),
    text(
      'Capacity',
      ({ spec, status }) => (spec?.volumeName ? (status?.capacity?.['storage'] ?? '0') : ''),
      'core.v1.PersistentVolumeClaimStatus#capacity',
    ),
    text(
      'Access Modes',
      ({ spec, status }) => (spec?.volumeName ? accessModes(status?.accessModes) : ''),
      'core.v1.PersistentVolumeClaimStatus#accessModes',
    ),
    text(
      'StorageClass',
      ({ metadata, spec }) => metadata?.annotations?.[CLASS_ANNOTATION] ?? spec?.storageClassName,
      'StorageClass of the pvc',
    ),
    text('VolumeAttributesClass', ({ spec }) => spec?.volumeAttributesClassName ?? '<unset>', 'VolumeAttributesClass of the pvc'),
    age,
    wide('VolumeMode', ({ spec }) => spec?.volumeMode ?? '<unset>', 'core.v1.PersistentVolumeClaimSpec#volumeMode'),
  ],
  validate: validateClaim,
  validateUpdate: validateClaimUpdate,
  validateStatusUpdate: (claim, _old, found) => validateClaimStatus(claim, found),
  warnings: (claim, _old, warnings) => claimWarnings(claim, warnings),
  schema: 'io.k8s.api.core.v1.PersistentVolumeClaim',
})

const isCopyOrSnapshot = ({ apiGroup = '', kind }: TypedLocalObjectReference): boolean =>
  (apiGroup === '' && kind === 'PersistentVolumeClaim') || (apiGroup === 'snapshot.storage.k8s.io' && kind === 'VolumeSnapshot')
