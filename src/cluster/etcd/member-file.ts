import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Paths } from '../local/paths.ts'
import { writePrivateFile } from '../private-file.ts'

/** The etcd member of this machine. */
export interface MemberFile {
  readonly name: string
  /** Where the other members, and the API servers beside them, reach it. */
  readonly address: string
  readonly clientPort: number
  readonly peerPort: number
  /**
   * `first`: it begins a cluster, and nothing is in it yet. `joining`: the cluster may not count on it yet. `member`: its data is a part of the
   * cluster's memory, so a member that has lost it must not begin again under its name.
   */
  readonly phase: 'first' | 'joining' | 'member'
  /** Client URLs of the other members, as last heard. */
  readonly others: readonly string[]
}

const fileOf = (paths: Paths): string => join(paths.etcd, 'member.json')

/** Undefined when this machine has no member. */
export function readMember(paths: Paths): MemberFile | undefined {
  const path = fileOf(paths)
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as MemberFile) : undefined
}

export function writeMember(paths: Paths, member: MemberFile): void {
  mkdirSync(paths.etcd, { recursive: true, mode: 0o700 })
  writePrivateFile(fileOf(paths), `${JSON.stringify(member, null, 2)}\n`)
}

export const clientURLOf = ({ address, clientPort }: MemberFile): string => `https://${host(address)}:${clientPort}`
export const peerURLOf = ({ address, peerPort }: MemberFile): string => `https://${host(address)}:${peerPort}`

const host = (address: string): string => (address.includes(':') ? `[${address}]` : address)
