import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass, Volume } from '#api'
import { keyOf, quantityValue } from '#meta'
import {
  type Lookups,
  matcherOf,
  type NodeInfo,
  selectsNode,
  type VolumeAssumptions,
  type VolumeDecision,
} from '../framework/index.ts'

const SELECTED_NODE = 'volume.kubernetes.io/selected-node'
const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed'
const NO_PROVISIONER = 'kubernetes.io/no-provisioner'

export interface ClaimName {
  readonly name: string
  /** Made for this pod from a template in it. */
  readonly isEphemeral: boolean
}

export interface PodClaims {
  readonly bound: readonly PersistentVolumeClaim[]
  /** To be bound when a node is known. */
  readonly delayed: readonly PersistentVolumeClaim[]
}

export function claimNames(pod: Pod): ClaimName[] {
  return (pod.spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }: Volume): ClaimName[] => {
    if (persistentVolumeClaim !== undefined) return [{ name: persistentVolumeClaim.claimName, isEphemeral: false }]
    return ephemeral === undefined ? [] : [{ name: `${pod.metadata?.name}-${name}`, isEphemeral: true }]
  })
}

export function isBound({ metadata, spec }: PersistentVolumeClaim): boolean {
  return Boolean(spec?.volumeName) && metadata?.annotations?.[BIND_COMPLETED] !== undefined
}

/** The pod's claims, or why it cannot be placed anywhere. */
export function claimsOf(pod: Pod, lookups: Lookups): PodClaims | string {
  const [bound, delayed]: [PersistentVolumeClaim[], PersistentVolumeClaim[]] = [[], []]
  for (const { name, isEphemeral } of claimNames(pod)) {
    const claim = lookups.claim(pod.metadata?.namespace ?? '', name)
    if (claim === undefined)
      return isEphemeral
        ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
        : `persistentvolumeclaim "${name}" not found`
    if (claim.metadata?.deletionTimestamp !== undefined) return `persistentvolumeclaim "${name}" is being deleted`
    if (claim.status?.phase === 'Lost')
      return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ''}"`
    if (isBound(claim)) bound.push(claim)
    else if (claim.spec?.volumeName || !waitsForPod(claim, lookups)) return 'pod has unbound immediate PersistentVolumeClaims'
    else delayed.push(claim)
  }
  return { bound, delayed }
}

/** Whether a bound volume can be used on the node; undefined when the volume is gone. */
export function isReachable(claim: PersistentVolumeClaim, { node }: NodeInfo, lookups: Lookups): boolean | undefined {
  const volume = lookups.volume(claim.spec?.volumeName ?? '')
  return volume && reaches(volume, node)
}

/** How the delayed claims could be served on the node; undefined when they could not. */
export function decideVolumes(
  delayed: readonly PersistentVolumeClaim[],
  { node, name }: NodeInfo,
  lookups: Lookups,
  assumptions: VolumeAssumptions,
): VolumeDecision | undefined {
  const matches: { claim: PersistentVolumeClaim; volume: PersistentVolume }[] = []
  const provisions: PersistentVolumeClaim[] = []
  const used = new Set<string>()
  for (const claim of delayed) {
    const selected = claim.metadata?.annotations?.[SELECTED_NODE]
    // A volume is being made for it elsewhere already.
    if (selected !== undefined && selected !== name) return undefined
    const volume = smallestMatch(claim, node, lookups, (candidate) => used.has(candidate) || assumptions.isTaken(candidate))
    if (volume !== undefined) {
      used.add(volume.metadata?.name ?? '')
      matches.push({ claim, volume })
    } else if (canProvision(lookups.storageClass(claim.spec?.storageClassName ?? ''), node)) provisions.push(claim)
    else return undefined
  }
  return { matches, provisions }
}

export function withSelectedNode(claim: PersistentVolumeClaim, nodeName: string): PersistentVolumeClaim {
  const annotations = { ...claim.metadata?.annotations, [SELECTED_NODE]: nodeName }
  return { ...claim, metadata: { ...claim.metadata, annotations } }
}

export function withClaim(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume {
  const { namespace, name, uid, resourceVersion } = claim.metadata ?? {}
  const claimRef = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    ...(namespace && { namespace }),
    ...(name && { name }),
    ...(uid && { uid }),
    ...(resourceVersion && { resourceVersion }),
  }
  const annotations = { ...volume.metadata?.annotations, 'pv.kubernetes.io/bound-by-controller': 'yes' }
  return { ...volume, metadata: { ...volume.metadata, annotations }, spec: { ...volume.spec, claimRef } }
}

function waitsForPod(claim: PersistentVolumeClaim, lookups: Lookups): boolean {
  return lookups.storageClass(claim.spec?.storageClassName ?? '')?.volumeBindingMode === 'WaitForFirstConsumer'
}

function smallestMatch(
  claim: PersistentVolumeClaim,
  node: Node,
  lookups: Lookups,
  isUsed: (name: string) => boolean,
): PersistentVolume | undefined {
  const wanted = sizeOf(claim.spec?.resources?.requests)
  const selects = claim.spec?.selector === undefined ? () => true : matcherOf(claim.spec.selector)
  let best: PersistentVolume | undefined
  for (const volume of lookups.volumes()) {
    const { metadata, spec, status } = volume
    const reserved = spec?.claimRef
    if (
      reserved !== undefined &&
      `${reserved.namespace}/${reserved.name}` === keyOf(claim) &&
      (reserved.uid ?? claim.metadata?.uid) === claim.metadata?.uid
    )
      return reaches(volume, node) ? volume : undefined
    if (reserved !== undefined || status?.phase !== 'Available' || metadata?.deletionTimestamp !== undefined) continue
    if (isUsed(metadata?.name ?? '') || sizeOf(spec?.capacity) < wanted || !selects(metadata?.labels ?? {})) continue
    if ((spec?.storageClassName ?? '') !== (claim.spec?.storageClassName ?? '')) continue
    if ((spec?.volumeMode ?? 'Filesystem') !== (claim.spec?.volumeMode ?? 'Filesystem')) continue
    if (!(claim.spec?.accessModes ?? []).every((mode) => spec?.accessModes?.includes(mode)) || !reaches(volume, node)) continue
    if (best === undefined || sizeOf(spec?.capacity) < sizeOf(best.spec?.capacity)) best = volume
  }
  return best
}

function canProvision(storageClass: StorageClass | undefined, node: Node): boolean {
  if (storageClass === undefined || storageClass.provisioner === '' || storageClass.provisioner === NO_PROVISIONER) return false
  const terms = storageClass.allowedTopologies ?? []
  const labels = node.metadata?.labels ?? {}
  const allows = (term: (typeof terms)[number]): boolean =>
    (term.matchLabelExpressions ?? []).every(({ key, values }) => values.includes(labels[key] ?? ''))
  return terms.length === 0 || terms.some(allows)
}

function reaches({ spec }: PersistentVolume, node: Node): boolean {
  const required = spec?.nodeAffinity?.required
  return required === undefined || selectsNode(required, node)
}

function sizeOf(list: Readonly<Record<string, string>> | undefined): number {
  return quantityValue(list?.['storage'])
}
