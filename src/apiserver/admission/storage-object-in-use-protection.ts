import { persistentVolumeClaims, persistentVolumes, volumeAttributesClasses } from '#api'
import type { AdmissionPlugin } from './types.ts'

const FINALIZERS = new Map<unknown, string>([
  [persistentVolumeClaims, 'kubernetes.io/pvc-protection'],
  [persistentVolumes, 'kubernetes.io/pv-protection'],
  [volumeAttributesClasses, 'kubernetes.io/vac-protection'],
])

/** Keeps storage from going while something uses it; the protection controllers let it go. */
export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  operations: ['CREATE'],
  mutate({ resource, subresource, object }) {
    const finalizer = FINALIZERS.get(resource)
    if (finalizer === undefined || subresource !== '' || object === undefined) return
    const own = object.metadata?.finalizers ?? []
    if (!own.includes(finalizer)) object.metadata = { ...object.metadata, finalizers: [...own, finalizer] }
  },
}
