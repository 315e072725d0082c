import { statfsSync } from 'node:fs'

/** What a first hour of a small cluster writes (store, logs, images), with room to notice that it runs out. */
const FREE_BYTES_MIN = 64 * 1024 * 1024

/** Refuses to start on a disk that is full, or nearly. */
export function ensureFreeSpace(directory: string): void {
  const { bavail, bsize } = statfsSync(directory)
  const free = bavail * bsize
  if (free >= FREE_BYTES_MIN) return
  const [has, needs] = [free, FREE_BYTES_MIN].map((bytes) => `${Math.floor(bytes / 1024 / 1024)} MiB`)
  throw new Error(
    `the disk of ${directory} has ${has} left, and a cluster needs ${needs} at the least; free some space or choose another --data-dir`,
  )
}
