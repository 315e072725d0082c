import { accessModes, age, name, text, wide } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { PersistentVolumeClaim } from '../generated/types.ts'
import { defaultClaimSpec } from './default-volume.ts'
import { validateClaim, validateClaimUpdate } from './validate-storage.ts'

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
    // One source under two names: the older one can't say a namespace.
    const spec = draft.spec ?? {}
    if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource }
    else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
      const { namespace: _, ...reference } = spec.dataSourceRef
      spec.dataSource = reference
    }
  },
  columns: [
    name,
    text('Status', ({ metadata, status }) => (metadata?.deletionTimestamp ? 'Terminating' : status?.phase)),
    text('Volume', ({ spec }) => spec?.volumeName),
    text('Capacity', ({ spec, status }) => (spec?.volumeName ? status?.capacity?.['storage'] : '')),
    text('Access Modes', ({ spec, status }) => (spec?.volumeName ? accessModes(status?.accessModes) : '')),
    text(
      'StorageClass',
      ({ metadata, spec }) => metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec?.storageClassName,
    ),
    text('VolumeAttributesClass', ({ spec }) => spec?.volumeAttributesClassName || '<unset>'),
    age,
    wide('VolumeMode', ({ spec }) => spec?.volumeMode ?? '<unset>'),
  ],
  validate: validateClaim,
  validateUpdate: validateClaimUpdate,
  schema: 'io.k8s.api.core.v1.PersistentVolumeClaim',
})
