import type { Pod, Volume } from '../generated/types.ts'
import { isMirrorPod } from './pod-facts.ts'

export type ReferredKind = 'configmaps' | 'persistentvolumeclaims' | 'resourceclaims' | 'secrets' | 'serviceaccounts'

type Reference = readonly [kind: ReferredKind, name: string]

/** Everything in its own namespace that a pod needs on its node. A mirror pod shows what the node made itself, and gives no right to anything. */
export function* referencesOf(pod: Pod): Iterable<Reference> {
  if (isMirrorPod(pod)) return
  const { metadata, spec, status } = pod
  yield ['serviceaccounts', spec?.serviceAccountName || 'default']
  for (const { name } of spec?.imagePullSecrets ?? []) if (name) yield ['secrets', name]
  for (const container of [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])]) {
    for (const { valueFrom } of container.env ?? []) yield* named(valueFrom?.secretKeyRef?.name, valueFrom?.configMapKeyRef?.name)
    for (const { secretRef, configMapRef } of container.envFrom ?? []) yield* named(secretRef?.name, configMapRef?.name)
  }
  for (const volume of spec?.volumes ?? []) yield* volumeReferences(volume, metadata?.name ?? '')
  for (const claim of spec?.resourceClaims ?? []) {
    const made = status?.resourceClaimStatuses?.find(({ name }) => name === claim.name)?.resourceClaimName
    const name = claim.resourceClaimName ?? made
    if (name) yield ['resourceclaims', name]
  }
  const extended = status?.extendedResourceClaimStatus?.resourceClaimName
  if (extended) yield ['resourceclaims', extended]
}

function* named(secret: string | undefined, configMap: string | undefined): Iterable<Reference> {
  if (secret) yield ['secrets', secret]
  if (configMap) yield ['configmaps', configMap]
}

function* volumeReferences(volume: Volume, podName: string): Iterable<Reference> {
  const { persistentVolumeClaim, ephemeral, azureFile, cephfs, cinder, csi, flexVolume, iscsi, rbd, scaleIO, storageos } = volume
  yield* named(volume.secret?.secretName, volume.configMap?.name)
  for (const { secret, configMap } of volume.projected?.sources ?? []) yield* named(secret?.name, configMap?.name)
  if (azureFile) yield ['secrets', azureFile.secretName]
  for (const { secretRef } of [cephfs, cinder, flexVolume, iscsi, rbd, scaleIO, storageos].flatMap((each) => each ?? []))
    yield* named(secretRef?.name, undefined)
  yield* named(csi?.nodePublishSecretRef?.name, undefined)
  if (persistentVolumeClaim) yield ['persistentvolumeclaims', persistentVolumeClaim.claimName]
  if (ephemeral) yield ['persistentvolumeclaims', `${podName}-${volume.name}`]
}
