import type { ConfigMap, Pod, Secret, Volume } from '#api'
import type { Clock } from '#base'
import type { PodFacts } from '../containers/field-path.ts'

/** What a volume type may use to make one volume of one pod. */
export interface VolumeContext {
  readonly pod: Pod
  /** The volume's own directory on the node. */
  readonly directory: string
  readonly clock: Clock
  readonly facts: PodFacts
  readonly defaultMode: number
  configMap(name: string): Promise<ConfigMap | undefined>
  secret(name: string): Promise<Secret | undefined>
  /** A current token of the pod's service account; renewed by the caller's next call once 80 % of its life is over. */
  token(audience: string | undefined, expirationSeconds: number): Promise<string>
  mountTmpfs(directory: string, sizeBytes: number | undefined): Promise<void>
}

/** One way to fill a volume. Runs again whenever something it depends on may have changed. */
export interface VolumeType {
  /** The field of `Volume` that selects it. */
  readonly field: keyof Volume
  /** Below `volumes/` in the pod's directory. */
  readonly plugin: string
  /** Makes the volume, or brings it up to date; resolves with the path that containers see. Throws a sentence when it can't. */
  prepare(volume: Volume, context: VolumeContext): Promise<string>
}

export class VolumeError extends Error {
  override readonly name = 'VolumeError'
}
