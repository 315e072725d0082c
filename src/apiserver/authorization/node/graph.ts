import {
  type PersistentVolume,
  type Pod,
  persistentVolumes,
  pods,
  type ReferredKind,
  type ResourceDefinition,
  type ResourceSlice,
  referencesOf,
  resourceSlices,
  type VolumeAttachment,
  volumeAttachments,
} from '#api'
import { type KubernetesObject, objectKey } from '#meta'
import type { CacheEvent } from '../../watch-cache/resource-cache.ts'
import type { WatchCache } from '../../watch-cache/watch-cache.ts'

/** What a node may be related to. */
export type RelatedKind = ReferredKind | 'pods' | 'persistentvolumes' | 'volumeattachments' | 'resourceslices'

/** Counts how often each node is reached from one object: two pods of a node may name the same secret. */
type Nodes = Map<string, number>

/**
 * Which nodes each object is related to, through what (https://kubernetes.io/docs/reference/access-authn-authz/node/): kept by events, one pod,
 * volume, attachment or slice at a time. A pod `web` on `n1` that mounts the claim `data`, bound to the volume `pv1`, whose driver needs the secret `s`:
 *
 *     pods/ns/web → n1     persistentvolumeclaims/ns/data → n1     volume pv1 of claim ns/data: persistentvolumes/pv1, secrets/kube/s
 *
 * Volumes hang on claims, not on nodes, since either may come first.
 */
export class NodeGraph {
  readonly #cache: WatchCache
  readonly #nodesOf = new Map<string, Nodes>()
  /** What a volume leads to, by the object that is asked for: claims that it is bound to. */
  readonly #claimsOf = new Map<string, Map<string, number>>()
  #built = false

  constructor(cache: WatchCache) {
    this.#cache = cache
    for (const [resource, edges] of this.#sources) cache.of(resource).subscribe((event) => this.#follow(event, edges))
  }

  /** Whether the node runs something that refers to the object. */
  relates(node: string, kind: RelatedKind, namespace: string, name: string): boolean {
    this.#build()
    const target = vertex(kind, namespace, name)
    if (this.#nodesOf.get(target)?.has(node)) return true
    for (const claim of this.#claimsOf.get(target)?.keys() ?? []) if (this.#nodesOf.get(claim)?.has(node)) return true
    return false
  }

  readonly #sources: readonly (readonly [ResourceDefinition, (object: KubernetesObject, change: 1 | -1) => void])[] = [
    [pods as unknown as ResourceDefinition, (object, change) => this.#pod(object as Pod, change)],
    [persistentVolumes as unknown as ResourceDefinition, (object, change) => this.#volume(object as PersistentVolume, change)],
    [
      volumeAttachments as unknown as ResourceDefinition,
      (object, change) => this.#attachment(object as VolumeAttachment, change),
    ],
    [resourceSlices as unknown as ResourceDefinition, (object, change) => this.#slice(object as ResourceSlice, change)],
  ]

  /** Nothing is read before a node first asks. */
  #build(): void {
    if (this.#built) return
    this.#built = true
    for (const [resource, edges] of this.#sources) for (const object of this.#cache.of(resource).objects()) edges(object, 1)
  }

  #follow({ type, version, previous }: CacheEvent, edges: (object: KubernetesObject, change: 1 | -1) => void): void {
    if (!this.#built) return
    if (previous !== undefined) edges(previous.object, -1)
    if (type !== 'DELETED') edges(version.object, 1)
  }

  #pod(pod: Pod, change: 1 | -1): void {
    const node = pod.spec?.nodeName
    if (!node) return
    const { namespace = '', name = '' } = pod.metadata ?? {}
    count(this.#nodesOf, vertex('pods', namespace, name), node, change)
    for (const [kind, referred] of referencesOf(pod)) count(this.#nodesOf, vertex(kind, namespace, referred), node, change)
  }

  #volume(volume: PersistentVolume, change: 1 | -1): void {
    const { claimRef } = volume.spec ?? {}
    if (claimRef?.name === undefined) return
    const claim = vertex('persistentvolumeclaims', claimRef.namespace ?? '', claimRef.name)
    count(this.#claimsOf, vertex('persistentvolumes', '', volume.metadata?.name ?? ''), claim, change)
    for (const [namespace, secret] of secretsOf(volume))
      count(this.#claimsOf, vertex('secrets', namespace, secret), claim, change)
  }

  #attachment({ metadata, spec }: VolumeAttachment, change: 1 | -1): void {
    if (spec?.nodeName) count(this.#nodesOf, vertex('volumeattachments', '', metadata?.name ?? ''), spec.nodeName, change)
  }

  #slice({ metadata, spec }: ResourceSlice, change: 1 | -1): void {
    if (spec?.nodeName) count(this.#nodesOf, vertex('resourceslices', '', metadata?.name ?? ''), spec.nodeName, change)
  }
}

const vertex = (kind: RelatedKind, namespace: string, name: string): string => `${kind}/${objectKey(namespace, name)}`

function count(edges: Map<string, Map<string, number>>, from: string, to: string, change: 1 | -1): void {
  let ends = edges.get(from)
  if (ends === undefined) edges.set(from, (ends = new Map()))
  const times = (ends.get(to) ?? 0) + change
  if (times > 0) ends.set(to, times)
  else ends.delete(to)
  if (ends.size === 0) edges.delete(from)
}

/** Secrets that a volume's plugin reads, each with its namespace; the claim's where none is named. */
function* secretsOf({ spec }: PersistentVolume): Iterable<readonly [namespace: string, name: string]> {
  if (spec === undefined) return
  const claimNamespace = spec.claimRef?.namespace ?? ''
  const { csi, azureFile, cephfs, cinder, flexVolume, rbd, scaleIO, iscsi, storageos } = spec
  if (azureFile) yield [azureFile.secretNamespace ?? claimNamespace, azureFile.secretName]
  const references = [
    cephfs?.secretRef,
    cinder?.secretRef,
    flexVolume?.secretRef,
    rbd?.secretRef,
    scaleIO?.secretRef,
    iscsi?.secretRef,
    storageos?.secretRef,
    csi?.controllerPublishSecretRef,
    csi?.nodePublishSecretRef,
    csi?.nodeStageSecretRef,
    csi?.controllerExpandSecretRef,
    csi?.nodeExpandSecretRef,
  ]
  for (const reference of references) if (reference?.name) yield [reference.namespace || claimNamespace, reference.name]
}
