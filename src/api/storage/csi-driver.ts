import { age, boolean, name, orNone, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { CSIDriver } from '../generated/types.ts'
import { validateCSIDriver, validateCSIDriverUpdate } from './validate-storage.ts'

export const csiDrivers = defineResource<CSIDriver>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  scope: 'Cluster',
  names: { plural: 'csidrivers' },
  returnsDeleted: true,
  unconditionalUpdate: false,
  default(draft) {
    const spec = (draft.spec ??= {})
    spec.attachRequired ??= true
    spec.podInfoOnMount ??= false
    spec.storageCapacity ??= false
    spec.fsGroupPolicy ||= 'ReadWriteOnceWithFSType'
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent']
    spec.requiresRepublish ??= false
    spec.seLinuxMount ??= false
  },
  columns: [
    name,
    boolean('AttachRequired', ({ spec }) => spec?.attachRequired ?? true, 'storage.v1.CSIDriverSpec#attachRequired'),
    boolean('PodInfoOnMount', ({ spec }) => spec?.podInfoOnMount ?? false, 'storage.v1.CSIDriverSpec#podInfoOnMount'),
    boolean('StorageCapacity', ({ spec }) => spec?.storageCapacity ?? false, 'storage.v1.CSIDriverSpec#storageCapacity'),
    text(
      'TokenRequests',
      ({ spec }) => spec?.tokenRequests?.map(({ audience }) => audience).join(',') ?? '<unset>',
      'storage.v1.CSIDriverSpec#tokenRequests',
    ),
    boolean('RequiresRepublish', ({ spec }) => spec?.requiresRepublish ?? false, 'storage.v1.CSIDriverSpec#requiresRepublish'),
    text('Modes', ({ spec }) => orNone(spec?.volumeLifecycleModes?.join(',')), 'storage.v1.CSIDriverSpec#volumeLifecycleModes'),
    age,
  ],
  // Scaling by volume limits is off, as its field is then (KEP-5030).
  prepareForCreate({ spec }) {
    delete spec?.preventPodSchedulingIfMissing
  },
  prepareForUpdate({ spec }, { spec: old }) {
    if (old?.preventPodSchedulingIfMissing === undefined) delete spec?.preventPodSchedulingIfMissing
  },
  validate: validateCSIDriver,
  validateUpdate: validateCSIDriverUpdate,
  schema: 'io.k8s.api.storage.v1.CSIDriver',
})
