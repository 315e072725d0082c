import { lstatSync, readdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'

export type SignalName =
  | 'memory.available'
  | 'nodefs.available'
  | 'nodefs.inodesFree'
  | 'imagefs.available'
  | 'imagefs.inodesFree'

export interface Observation {
  readonly available: number
  readonly capacity: number
}

export type Observations = ReadonlyMap<SignalName, Observation>

export type PressureCondition = 'MemoryPressure' | 'DiskPressure'

export interface Threshold {
  readonly signal: SignalName
  readonly condition: PressureCondition
  /** As messages name what is low. */
  readonly resource: 'memory' | 'ephemeral-storage' | 'inodes'
  /** Bytes, or the part of the capacity. */
  readonly bytes?: number
  readonly fraction?: number
}

/** Upstream's defaults (https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#hard-eviction-thresholds); memory is looked at first. */
export const HARD_THRESHOLDS: readonly Threshold[] = [
  { signal: 'memory.available', condition: 'MemoryPressure', resource: 'memory', bytes: 100 * 1024 * 1024 },
  { signal: 'nodefs.available', condition: 'DiskPressure', resource: 'ephemeral-storage', fraction: 0.1 },
  { signal: 'nodefs.inodesFree', condition: 'DiskPressure', resource: 'inodes', fraction: 0.05 },
  { signal: 'imagefs.available', condition: 'DiskPressure', resource: 'ephemeral-storage', fraction: 0.15 },
  { signal: 'imagefs.inodesFree', condition: 'DiskPressure', resource: 'inodes', fraction: 0.05 },
]

export const thresholdOf = ({ bytes, fraction }: Threshold, { capacity }: Observation): number =>
  bytes ?? Math.floor(capacity * (fraction ?? 0))

/** Those that are crossed; what can't be observed crosses nothing. */
export function crossed(observations: Observations, thresholds = HARD_THRESHOLDS): Threshold[] {
  return thresholds.filter((threshold) => {
    const observed = observations.get(threshold.signal)
    return observed !== undefined && observed.available < thresholdOf(threshold, observed)
  })
}

/** Bytes and inodes of the file system at a path. */
export function observeDisk(which: 'nodefs' | 'imagefs', path: string): [SignalName, Observation][] {
  try {
    const { bavail, blocks, bsize, ffree, files } = statfsSync(path)
    return [
      [`${which}.available`, { available: bavail * bsize, capacity: blocks * bsize }],
      // Some file systems count none.
      ...(files > 0 ? ([[`${which}.inodesFree`, { available: ffree, capacity: files }]] as [SignalName, Observation][]) : []),
    ]
  } catch {
    return []
  }
}

/** What a directory takes of its disk, links not followed. Costs a walk: asked only when a disk is nearly full. */
export function diskUsage(path: string): { bytes: number; inodes: number } {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return { bytes: 0, inodes: 0 }
  let [bytes, inodes] = [found.blocks * 512, 1]
  if (found.isDirectory()) {
    for (const name of readdirSync(path)) {
      const below = diskUsage(join(path, name))
      bytes += below.bytes
      inodes += below.inodes
    }
  }
  return { bytes, inodes }
}
