import { deepEqual } from '#base'
import { age, boolean, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { VolumeAttachment } from '../generated/types.ts'
import { IMMUTABLE, invalidValue, required } from '../validation/findings.ts'

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
  columns: [
    name,
    text('Attacher', ({ spec }) => spec?.attacher),
    text('PV', ({ spec }) => spec?.source?.persistentVolumeName),
    text('Node', ({ spec }) => spec?.nodeName),
    boolean('Attached', ({ status }) => status?.attached ?? false),
    age,
  ],
  *validate({ spec }) {
    if (!spec?.attacher) yield required('spec.attacher')
    if (!spec?.source?.persistentVolumeName && !spec?.source?.inlineVolumeSpec) {
      yield required('spec.source', 'must specify exactly one of inlineVolumeSpec and persistentVolumeName')
    }
    if (!spec?.nodeName) yield required('spec.nodeName')
  },
  *validateUpdate({ spec }, { spec: old }) {
    if (!deepEqual(spec, old)) yield invalidValue('spec', spec, IMMUTABLE)
  },
  schema: 'io.k8s.api.storage.v1.VolumeAttachment',
})
