import type { ClusterTrustBundle, ConfigMap, PersistentVolume, PersistentVolumeClaim, Pod, Secret, Volume } from '#api'
import type { Clock } from '#base'
import type { PodFacts } from '../containers/field-path.ts'

export interface TmpfsOptions {
  /** Half of the machine's memory by default. */
  readonly sizeBytes?: number | undefined
  readonly group?: number | undefined
}

/** What a volume type may use to make one volume of one pod. */
export interface VolumeContext {
  readonly pod: Pod
  /** The volume's own directory on the node. */
  readonly directory: string
  readonly clock: Clock
  readonly facts: PodFacts
  readonly defaultMode: number
  /** Whether this is the first attempt of this kubelet for the pod's volume. */
  readonly isNew: boolean
  configMap(name: string): Promise<ConfigMap | undefined>
  secret(name: string): Promise<Secret | undefined>
  /** Every ClusterTrustBundle there is. */
  trustBundles(): Promise<readonly ClusterTrustBundle[]>
  /** A claim of the pod's namespace. */
  claim(name: string): Promise<PersistentVolumeClaim | undefined>
  persistentVolume(name: string): Promise<PersistentVolume | undefined>
  /** A current token of the pod's service account; renewed by the caller's next call once 80 % of its life is over. */
  token(audience: string | undefined, expirationSeconds: number): Promise<string>
  /** A file system in memory at the directory, writable for everybody, of `group` if there is one. */
  mountTmpfs(directory: string, options: TmpfsOptions): Promise<void>
}

/** One way to fill a volume. Runs again whenever something it depends on may have changed. */
export interface VolumeType {
  /** The field of `Volume` that selects it. */
  readonly field: keyof Volume
  /** Below `volumes/` in the pod's directory. */
  readonly plugin: string
  /** Makes the volume, or brings it up to date. Throws a sentence when it can't. */
  prepare(volume: Volume, context: VolumeContext): Promise<MountedVolume>
}

/** A volume that is there. */
export interface MountedVolume {
  /** On the node. */
  readonly path: string
  /** Containers can't write to it, whatever their mount says. */
  readonly readOnly: boolean
}

export class VolumeError extends Error {
  override readonly name = 'VolumeError'
}
