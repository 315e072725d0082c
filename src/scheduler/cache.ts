import type { Node, Pod } from '#api'
import { NodeInfo } from './framework/node-info.ts'
import { type PodInfo, podId, podInfo } from './framework/pod-info.ts'
import type { Lookups, Snapshot } from './framework/snapshot.ts'
import { VolumeAssumptions } from './framework/volume-assumptions.ts'

/**
 * Nodes and the pods on them, as the API server told it plus what this scheduler has decided but not yet been told: *assumed*
 * pods count on their node from the decision on, until the server confirms them or the binding fails and they are forgotten.
 *
 * Pods may arrive before their node and outlive it; such a node is kept, but not offered, until its last pod is gone.
 */
export class Cache implements Snapshot {
  readonly lookups: Lookups
  readonly volumes = new VolumeAssumptions()
  readonly nodesWithAffinity = new Set<NodeInfo>()
  readonly nodesWithRequiredAntiAffinity = new Set<NodeInfo>()
  readonly #infos = new Map<string, NodeInfo>()
  readonly #present = new Set<string>()
  /** Pod id to the name of the node it is counted on. */
  readonly #placed = new Map<string, string>()
  readonly #assumed = new Set<string>()
  readonly #imageNodes = new Map<string, number>()
  #order: readonly NodeInfo[] | undefined

  constructor(lookups: Lookups) {
    this.lookups = lookups
  }

  get nodes(): readonly NodeInfo[] {
    this.#order ??= inZoneTurns([...this.#present].map((name) => this.#infos.get(name)!))
    return this.#order
  }

  readonly get = (nodeName: string): NodeInfo | undefined => (this.#present.has(nodeName) ? this.#infos.get(nodeName) : undefined)

  imageNodes(image: string): number {
    return this.#imageNodes.get(image) ?? 0
  }

  setNode(node: Node): void {
    const name = node.metadata?.name ?? ''
    const info = this.#infos.get(name) ?? new NodeInfo(node)
    if (this.#present.has(name)) this.#countImages(info, -1)
    if (!this.#present.has(name) || zoneOf(info.node) !== zoneOf(node)) this.#order = undefined
    info.setNode(node)
    this.#infos.set(name, info)
    this.#present.add(name)
    this.#countImages(info, 1)
    this.#index(info)
  }

  removeNode(name: string): void {
    const info = this.#infos.get(name)
    if (info === undefined || !this.#present.delete(name)) return
    this.#order = undefined
    this.#countImages(info, -1)
    this.#index(info)
    if (info.pods.size === 0) this.#infos.delete(name)
  }

  /** A pod that the server says is on a node. Confirms an assumption, or corrects it when the server says otherwise. */
  setPod(pod: Pod): void {
    this.#assumed.delete(podId(pod))
    this.#place(podInfo(pod), pod.spec?.nodeName ?? '')
  }

  removePod(pod: Pod): void {
    this.#assumed.delete(podId(pod))
    this.#unplace(podId(pod))
  }

  /** Counts `pod` on the node this scheduler chose. */
  assume(pod: Pod, nodeName: string): void {
    this.#assumed.add(podId(pod))
    this.#place(podInfo(pod), nodeName)
  }

  /** Takes an assumption back; no effect once the server has confirmed the pod. */
  forget(pod: Pod): void {
    if (this.#assumed.delete(podId(pod))) this.#unplace(podId(pod))
  }

  isAssumed(pod: Pod): boolean {
    return this.#assumed.has(podId(pod))
  }

  has(pod: Pod): boolean {
    return this.#placed.has(podId(pod))
  }

  #place(pod: PodInfo, nodeName: string): void {
    if (this.#placed.get(pod.id) !== nodeName) this.#unplace(pod.id)
    let info = this.#infos.get(nodeName)
    if (info === undefined) this.#infos.set(nodeName, (info = new NodeInfo({ metadata: { name: nodeName } } as Node)))
    this.#placed.set(pod.id, nodeName)
    info.addPod(pod)
    this.#index(info)
  }

  #unplace(id: string): void {
    const nodeName = this.#placed.get(id)
    if (nodeName === undefined) return
    this.#placed.delete(id)
    const info = this.#infos.get(nodeName)!
    info.removePod(id)
    this.#index(info)
    if (info.pods.size === 0 && !this.#present.has(nodeName)) this.#infos.delete(nodeName)
  }

  #index(info: NodeInfo): void {
    const present = this.#present.has(info.name)
    member(this.nodesWithAffinity, info, present && info.withAffinity > 0)
    member(this.nodesWithRequiredAntiAffinity, info, present && info.withRequiredAntiAffinity > 0)
  }

  #countImages(info: NodeInfo, sign: 1 | -1): void {
    for (const image of info.images.keys()) {
      const count = this.imageNodes(image) + sign
      if (count === 0) this.#imageNodes.delete(image)
      else this.#imageNodes.set(image, count)
    }
  }
}

function member<T>(set: Set<T>, item: T, belongs: boolean): void {
  if (belongs) set.add(item)
  else set.delete(item)
}

function zoneOf(node: Node): string {
  const labels = node.metadata?.labels ?? {}
  return `${labels['topology.kubernetes.io/region'] ?? ''}/${labels['topology.kubernetes.io/zone'] ?? ''}`
}

/** Zones a, a, a, b, c, c become a, b, c, a, c, a. */
function inZoneTurns(infos: readonly NodeInfo[]): NodeInfo[] {
  const zones = [...Map.groupBy(infos, ({ node }) => zoneOf(node)).values()]
  const order: NodeInfo[] = []
  for (let turn = 0; order.length < infos.length; turn++)
    for (const zone of zones) if (turn < zone.length) order.push(zone[turn]!)
  return order
}
