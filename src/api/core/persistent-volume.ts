import { defineResource } from '../define-resource.ts'
import type { PersistentVolume } from '../generated/types.ts'

export const persistentVolumes = defineResource<PersistentVolume>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  scope: 'Cluster',
  names: { plural: 'persistentvolumes', shortNames: ['pv'] },
  subresources: { status: true },
  schema: 'io.k8s.api.core.v1.PersistentVolume',
})
