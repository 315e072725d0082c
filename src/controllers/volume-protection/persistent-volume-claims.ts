import { isPodTerminal, type PersistentVolumeClaim, type Pod, persistentVolumeClaims, pods } from '#api'
import { defineController, watch } from '../framework/index.ts'
import { protect } from './protect.ts'

/** A claim that a scheduled pod uses does not go before the pod (https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection). */
export const pvcProtection = defineController({
  name: 'pvc-protection-controller',
  flag: 'persistentvolumeclaim-protection-controller',
  for: persistentVolumeClaims,
  watches: [watch(pods, (pod) => claimNames(pod).map((name) => `${pod.metadata?.namespace}/${name}`))],
  reconcile: (context) =>
    protect(context, persistentVolumeClaims, 'kubernetes.io/pvc-protection', async (claim) => {
      const { cache, client, signal } = context
      const namespace = claim.metadata?.namespace ?? ''
      if (
        cache(pods)
          .list({ namespace })
          .some((pod) => uses(pod, claim))
      )
        return true
      // The cache may not show a pod that was bound a moment ago, so letting go rests on a live read.
      const { items } = await client.list(pods, { namespace, signal })
      return items.some((pod) => uses(pod, claim))
    }),
})

function claimNames({ metadata, spec }: Pod): string[] {
  return (spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim !== undefined) return [persistentVolumeClaim.claimName]
    return ephemeral === undefined ? [] : [`${metadata?.name}-${name}`]
  })
}

/** A pod without a node does not count: its kubelet would not start it with a claim that is going. */
function uses(pod: Pod, { metadata }: PersistentVolumeClaim): boolean {
  if (!pod.spec?.nodeName) return false
  return (pod.spec.volumes ?? []).some(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim !== undefined) return persistentVolumeClaim.claimName === metadata?.name
    if (ephemeral === undefined || isPodTerminal(pod)) return false
    const owner = metadata?.ownerReferences?.find(({ controller }) => controller)
    return `${pod.metadata?.name}-${name}` === metadata?.name && owner?.uid === pod.metadata?.uid
  })
}
