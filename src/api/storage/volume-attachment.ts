import { defineResource } from '../define-resource.ts'
import type { VolumeAttachment } from '../generated/types.ts'

export const volumeAttachments = defineResource<VolumeAttachment>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttachment',
  scope: 'Cluster',
  names: { plural: 'volumeattachments' },
  subresources: { status: true },
  prepareForCreate(draft) {
    draft.status = { attached: false }
  },
  schema: 'io.k8s.api.storage.v1.VolumeAttachment',
})
