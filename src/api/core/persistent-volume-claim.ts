import { defineResource } from '../define-resource.ts'
import type { PersistentVolumeClaim } from '../generated/types.ts'
import { defaultClaimSpec } from './default-volume.ts'

export const persistentVolumeClaims = defineResource<PersistentVolumeClaim>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  scope: 'Namespaced',
  names: { plural: 'persistentvolumeclaims', shortNames: ['pvc'] },
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
  schema: 'io.k8s.api.core.v1.PersistentVolumeClaim',
})
