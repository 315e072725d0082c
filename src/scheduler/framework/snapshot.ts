import type { PersistentVolume, PersistentVolumeClaim, PodDisruptionBudget, Service, StorageClass } from '#api'
import type { LabelSelector } from '#meta'
import type { NodeInfo } from './node-info.ts'
import type { VolumeAssumptions } from './volume-assumptions.ts'

/** Objects beside nodes and pods that plugins look up. */
export interface Lookups {
  namespaceLabels(name: string): Readonly<Record<string, string>> | undefined
  services(namespace: string): readonly Service[]
  /** The selector of the workload that owns a pod; undefined for kinds that select nothing and for owners that are gone. */
  ownerSelector(kind: string, namespace: string, name: string): LabelSelector | undefined
  budgets(namespace: string): readonly PodDisruptionBudget[]
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined
  volume(name: string): PersistentVolume | undefined
  volumes(): readonly PersistentVolume[]
  storageClass(name: string): StorageClass | undefined
}

/**
 * The cluster as one attempt sees it. An attempt up to its assumption is synchronous, so nothing can change under it and the
 * nodes are the cache's own: no copy of the cluster is made for each pod. What-if questions work on clones of single nodes.
 */
export interface Snapshot {
  /** Zone by zone in turn, so that a search that stops early still spreads over zones. */
  readonly nodes: readonly NodeInfo[]
  readonly nodesWithAffinity: ReadonlySet<NodeInfo>
  readonly nodesWithRequiredAntiAffinity: ReadonlySet<NodeInfo>
  readonly lookups: Lookups
  readonly volumes: VolumeAssumptions
  readonly get: (nodeName: string) => NodeInfo | undefined
  /** How many nodes hold an image of this name. */
  imageNodes(image: string): number
}
