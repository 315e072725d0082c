import { persistentVolumes } from '#api'
import { defineController } from '../framework/index.ts'
import { protect } from './protect.ts'

/** A volume that is bound to a claim does not go (https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection). */
export const pvProtection = defineController({
  name: 'pv-protection-controller',
  flag: 'persistentvolume-protection-controller',
  for: persistentVolumes,
  reconcile: (context) =>
    protect(context, persistentVolumes, 'kubernetes.io/pv-protection', async ({ status }) => status?.phase === 'Bound'),
})
