import { type PersistentVolumeClaim, persistentVolumeClaims, type StorageClass, storageClasses } from '#api'
import { compareQuantities, forbidden } from '#meta'
import { draftOf } from './attributes.ts'
import type { AdmissionPlugin } from './types.ts'

/** A claim grows only when it is bound and its class says that its volumes can. */
export const persistentVolumeClaimResize: AdmissionPlugin = {
  name: 'PersistentVolumeClaimResize',
  operations: ['UPDATE'],
  async validate(attributes, { cache }) {
    const claim = draftOf(attributes, persistentVolumeClaims)
    if (claim === undefined) return
    const old = attributes.oldObject as PersistentVolumeClaim
    if (compareQuantities(sizeOf(claim), sizeOf(old)) <= 0) return
    if (old.status?.phase !== 'Bound')
      throw forbidden(persistentVolumeClaims, attributes.name, 'Only bound persistent volume claims can be expanded')
    const className = old.metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? old.spec?.storageClassName
    await cache.current()
    const found = className ? (cache.of(storageClasses).get(className)?.object as StorageClass | undefined) : undefined
    if (!found?.allowVolumeExpansion) {
      const why =
        'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize'
      throw forbidden(persistentVolumeClaims, attributes.name, why)
    }
  },
}

const sizeOf = ({ spec }: PersistentVolumeClaim): string => spec?.resources?.requests?.['storage'] ?? '0'
