import { age, boolean, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { VolumeAttachment } from '../generated/types.ts'
import { immutable } from '../validation/common.ts'
import { validateVolumeAttachment } from './validate-storage.ts'

export const volumeAttachments = defineResource<VolumeAttachment>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttachment',
  scope: 'Cluster',
  names: { plural: 'volumeattachments' },
  returnsDeleted: true,
  unconditionalUpdate: false,
  subresources: { status: true },
  prepareForCreate(draft) {
    draft.status = { attached: false }
  },
  columns: [
    name,
    {
      ...text<VolumeAttachment>('Attacher', ({ spec }) => spec?.attacher, 'storage.v1.VolumeAttachmentSpec#attacher'),
      format: 'name',
    },
    text('PV', ({ spec }) => spec?.source?.persistentVolumeName, 'storage.v1.VolumeAttachmentSource#persistentVolumeName'),
    text('Node', ({ spec }) => spec?.nodeName, 'storage.v1.VolumeAttachmentSpec#nodeName'),
    boolean('Attached', ({ status }) => status?.attached ?? false, 'storage.v1.VolumeAttachmentStatus#attached'),
    age,
  ],
  validate: validateVolumeAttachment,
  validateStatusUpdate: (attachment, _old, found) => validateVolumeAttachment(attachment, found),
  validateUpdate: ({ spec }, { spec: old }, found) => immutable(spec, old, 'spec', found),
  schema: 'io.k8s.api.storage.v1.VolumeAttachment',
})
