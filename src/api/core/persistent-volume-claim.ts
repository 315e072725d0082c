import { defineResource } from '../define-resource.ts'
import type { PersistentVolumeClaim } from '../generated/types.ts'

export const persistentVolumeClaims = defineResource<PersistentVolumeClaim>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  scope: 'Namespaced',
  names: { plural: 'persistentvolumeclaims', shortNames: ['pvc'] },
  subresources: { status: true },
  schema: 'io.k8s.api.core.v1.PersistentVolumeClaim',
})
