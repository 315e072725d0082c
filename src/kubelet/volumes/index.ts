import { configMapVolume, downwardVolume, projectedVolume, secretVolume } from './data-volumes.ts'
import { emptyDirVolume, hostPathVolume } from './directory-volumes.ts'
import type { VolumeType } from './volume.ts'

export { VolumeError } from './volume.ts'

export const volumeTypes: readonly VolumeType[] = [
  configMapVolume,
  downwardVolume,
  emptyDirVolume,
  hostPathVolume,
  projectedVolume,
  secretVolume,
]
