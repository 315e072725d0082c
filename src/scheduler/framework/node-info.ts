import type { Node } from '#api'
import type { PodInfo } from './pod-info.ts'
import { type Amounts, addAmounts, allocatableOf } from './resources.ts'

/** A node with the pods on it and their sums, kept up to date one pod at a time. */
export class NodeInfo {
  node: Node
  allocatable: Amounts
  /** Bytes by image name. */
  images: ReadonlyMap<string, number>
  /** By pod id. */
  readonly pods: Map<string, PodInfo>
  readonly requested: Amounts
  readonly scoringRequested: Amounts
  /** Rises with every change. */
  generation = 0
  /** Pods with any pod (anti-)affinity, and those whose anti-affinity is required. */
  withAffinity = 0
  withRequiredAntiAffinity = 0

  constructor(node: Node) {
    this.node = node
    this.allocatable = allocatableOf(node)
    this.images = imagesOf(node)
    this.pods = new Map()
    this.requested = new Map()
    this.scoringRequested = new Map()
  }

  get name(): string {
    return this.node.metadata?.name ?? ''
  }

  get labels(): Readonly<Record<string, string>> {
    return this.node.metadata?.labels ?? {}
  }

  setNode(node: Node): void {
    this.node = node
    this.allocatable = allocatableOf(node)
    this.images = imagesOf(node)
    this.generation++
  }

  addPod(info: PodInfo): void {
    this.removePod(info.id)
    this.pods.set(info.id, info)
    this.#count(info, 1)
  }

  removePod(id: string): PodInfo | undefined {
    const info = this.pods.get(id)
    if (info === undefined) return undefined
    this.pods.delete(id)
    this.#count(info, -1)
    return info
  }

  /** A copy to try things on. */
  clone(): NodeInfo {
    const copy = new NodeInfo(this.node)
    for (const info of this.pods.values()) copy.addPod(info)
    return copy
  }

  #count(info: PodInfo, sign: 1 | -1): void {
    addAmounts(this.requested, info.requests, sign)
    addAmounts(this.scoringRequested, info.scoringRequests, sign)
    if (hasAffinity(info)) this.withAffinity += sign
    if (info.requiredAntiAffinity.length > 0) this.withRequiredAntiAffinity += sign
    this.generation++
  }
}

function hasAffinity(info: PodInfo): boolean {
  const { requiredAffinity, requiredAntiAffinity, preferredAffinity, preferredAntiAffinity } = info
  return requiredAffinity.length + requiredAntiAffinity.length + preferredAffinity.length + preferredAntiAffinity.length > 0
}

function imagesOf(node: Node): Map<string, number> {
  const images = new Map<string, number>()
  for (const image of node.status?.images ?? []) for (const name of image.names ?? []) images.set(name, image.sizeBytes ?? 0)
  return images
}
