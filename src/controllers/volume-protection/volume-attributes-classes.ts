import { type PersistentVolumeClaim, persistentVolumeClaims, persistentVolumes, volumeAttributesClasses } from '#api'
import { defineController, watch } from '../framework/index.ts'
import { protect } from './protect.ts'

/** A class of volume attributes that a claim or a volume names does not go (KEP-3751). */
export const vacProtection = defineController({
  name: 'volumeattributesclass-protection-controller',
  for: volumeAttributesClasses,
  watches: [
    watch(persistentVolumeClaims, classNames),
    watch(persistentVolumes, ({ spec }) => (spec?.volumeAttributesClassName ? [spec.volumeAttributesClassName] : [])),
  ],
  reconcile: (context) =>
    protect(context, volumeAttributesClasses, 'kubernetes.io/vac-protection', async ({ metadata }) => {
      const { client, signal } = context
      const name = metadata?.name ?? ''
      // Deletes of classes are rare; what decides is read live.
      const claims = await client.list(persistentVolumeClaims, { signal })
      if (claims.items.some((claim) => classNames(claim).includes(name))) return true
      const volumes = await client.list(persistentVolumes, { signal })
      return volumes.items.some(({ spec }) => spec?.volumeAttributesClassName === name)
    }),
})

function classNames({ spec, status }: PersistentVolumeClaim): string[] {
  const names = [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ]
  return names.filter((name): name is string => Boolean(name))
}
