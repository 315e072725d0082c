import type { HostPathVolumeSource, KeyToPath } from '../generated/types.ts'
import { type Findings, invalidValue, required, unsupported } from '../validation/findings.ts'

const MODE_MAX = 0o777
const HOST_PATH_TYPES = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket']

export function validateMode(mode: number | undefined, field: string, found: Findings): void {
  if (mode !== undefined && (mode < 0 || mode > MODE_MAX)) {
    found.push(invalidValue(field, mode, 'must be a number between 0 and 0777 (octal), both inclusive'))
  }
}

export function validateItem({ key, path, mode }: KeyToPath, field: string, found: Findings): void {
  if (!key) found.push(required(`${field}.key`))
  relativePath(path, `${field}.path`, found)
  validateMode(mode, `${field}.mode`, found)
}

/** A path that can't leave the volume, and doesn't collide with the volume's own book-keeping. */
export function relativePath(path: string | undefined, field: string, found: Findings): void {
  if (!path) {
    found.push(required(field))
    return
  }
  descendingName(path, field, found)
}

/** The same of a path that may be absent. */
export function descendingName(path: string, field: string, found: Findings): void {
  descendingPath(path, field, found)
  if (path.startsWith('..') && !path.startsWith('../')) found.push(invalidValue(field, path, "must not start with '..'"))
}

const climbs = (path: string): boolean => path.includes('..') && path.split('/').includes('..')

export function descendingPath(path: string, field: string, found: Findings): void {
  if (path.startsWith('/')) found.push(invalidValue(field, path, 'must be a relative path'))
  withoutBacksteps(path, field, found)
}

export function withoutBacksteps(path: string, field: string, found: Findings): void {
  if (climbs(path)) found.push(invalidValue(field, path, "must not contain '..'"))
}

export function validateHostPath({ path, type }: HostPathVolumeSource, field: string, found: Findings): void {
  if (!path) {
    found.push(required(`${field}.path`))
    return
  }
  withoutBacksteps(path, `${field}.path`, found)
  if (type !== undefined && !HOST_PATH_TYPES.includes(type)) found.push(unsupported(`${field}.type`, type, HOST_PATH_TYPES))
}
