import { chmodSync, chownSync, lchownSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Pod } from '#api'

const WRITABLE = 0o660
const READABLE = 0o440
/** Group of a directory goes to what is made in it, and whoever reads it may enter. */
const DIRECTORY = 0o2110

/**
 * Gives a volume to the pod's group, if it has one (https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#configure-volume-permission-and-ownership-change-policy-for-pods).
 */
export function giveToGroup(path: string, { spec }: Pod, readOnly: boolean): void {
  const { fsGroup: group, fsGroupChangePolicy } = spec?.securityContext ?? {}
  if (group === undefined) return
  const mask = readOnly ? READABLE : WRITABLE
  if (fsGroupChangePolicy === 'OnRootMismatch' && isGivenTo(path, group, mask | DIRECTORY)) return
  give(path, group, mask)
}

function isGivenTo(path: string, group: number, mask: number): boolean {
  const { gid, mode } = lstatSync(path)
  return gid === group && (mode & mask) === mask
}

/** Children first: the root says whether all of it is done. */
function give(path: string, group: number, mask: number): void {
  const found = lstatSync(path)
  if (found.isSymbolicLink()) {
    lchownSync(path, found.uid, group)
    return
  }
  if (found.isDirectory()) for (const name of readdirSync(path)) give(join(path, name), group, mask)
  chownSync(path, found.uid, group)
  chmodSync(path, (found.mode & 0o7777) | mask | (found.isDirectory() ? DIRECTORY : 0))
}
