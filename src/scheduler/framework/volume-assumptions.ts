import type { PersistentVolume, PersistentVolumeClaim } from '#api'

/** How a pod's unbound claims are to be served on the node chosen for it. */
export interface VolumeDecision {
  /** Claims that get a volume which exists. */
  readonly matches: readonly { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume }[]
  /** Claims for which a volume is made near the node. */
  readonly provisions: readonly PersistentVolumeClaim[]
}

/** What is decided but not yet in the API: volumes taken by pods that are being bound. */
export class VolumeAssumptions {
  readonly #decisions = new Map<string, VolumeDecision>()
  readonly #taken = new Map<string, string>()

  assume(podId: string, decision: VolumeDecision): void {
    this.#decisions.set(podId, decision)
    for (const { volume } of decision.matches) this.#taken.set(volume.metadata?.name ?? '', podId)
  }

  get(podId: string): VolumeDecision | undefined {
    return this.#decisions.get(podId)
  }

  isTaken(volumeName: string): boolean {
    return this.#taken.has(volumeName)
  }

  forget(podId: string): void {
    this.#decisions.delete(podId)
    for (const [name, taker] of this.#taken) if (taker === podId) this.#taken.delete(name)
  }
}
