import { claimVolume, ephemeralVolume } from './claim-volumes.ts'
import { configMapVolume, downwardVolume, projectedVolume, secretVolume } from './data-volumes.ts'
import { emptyDirVolume, hostPathVolume } from './directory-volumes.ts'
import type { VolumeType } from './volume.ts'

export { type MountedVolume, VolumeError } from './volume.ts'

export const volumeTypes: readonly VolumeType[] = [
  claimVolume,
  configMapVolume,
  downwardVolume,
  emptyDirVolume,
  ephemeralVolume,
  hostPathVolume,
  projectedVolume,
  secretVolume,
]
