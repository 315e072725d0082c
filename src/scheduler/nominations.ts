import type { Pod } from '#api'
import { type PodInfo, podId, podInfo } from './framework/index.ts'

/** Pods that have been promised room on a node by preemption and are not there yet. */
export class Nominations {
  readonly #byNode = new Map<string, Map<string, PodInfo>>()
  readonly #nodeOf = new Map<string, string>()

  set(pod: Pod, nodeName: string): void {
    this.delete(pod)
    const onNode = this.#byNode.get(nodeName) ?? new Map<string, PodInfo>()
    this.#byNode.set(nodeName, onNode.set(podId(pod), podInfo(pod)))
    this.#nodeOf.set(podId(pod), nodeName)
  }

  delete(pod: Pod): void {
    const id = podId(pod)
    const nodeName = this.#nodeOf.get(id)
    if (nodeName === undefined) return
    this.#nodeOf.delete(id)
    const onNode = this.#byNode.get(nodeName)!
    onNode.delete(id)
    if (onNode.size === 0) this.#byNode.delete(nodeName)
  }

  nodeOf(pod: Pod): string | undefined {
    return this.#nodeOf.get(podId(pod))
  }

  on(nodeName: string): Iterable<PodInfo> {
    return this.#byNode.get(nodeName)?.values() ?? []
  }
}
