import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock, systemRandom } from '#base'
import { type EtcdAdmin, openEtcdAdmin, StoreFailure } from '#store'
import { callControl } from '../control-socket.ts'
import { ETCD_CA, ETCD_CLIENT } from '../etcd/local-member.ts'
import { type MemberFile, readMember } from '../etcd/member-file.ts'
import { clientURLsOf, type OpenAdmin, removeMember } from '../etcd/membership.ts'
import { readPair } from '../pki-directory.ts'
import { type Paths, pathsOf, serverSocket } from './paths.ts'

export interface MemberRow {
  readonly id: string
  readonly name: string
  /** `learner` has no vote yet; `added` has never started. */
  readonly state: 'leader' | 'member' | 'learner' | 'added' | 'silent'
  readonly clientURLs: readonly string[]
}

/** The members of the etcd that this machine's server is part of. Throws a sentence. */
export async function memberRows(dataDirectory: string): Promise<MemberRow[]> {
  const { own, openAdmin } = operatorOf(pathsOf(dataDirectory))
  using admin = await openAdmin([...clientURLsOf([], own), ...own.others])
  const members = await admin.members()
  return Promise.all(
    members.map(async ({ id, name, clientURLs, isLearner }): Promise<MemberRow> => {
      const row = { id: id.toString(16), name, clientURLs }
      if (clientURLs.length === 0) return { ...row, state: 'added' }
      using one = await openAdmin(clientURLs)
      const leader = await one.status().then(
        (status) => status.leader,
        () => undefined,
      )
      if (leader === undefined) return { ...row, state: 'silent' }
      return { ...row, state: isLearner ? 'learner' : leader === id ? 'leader' : 'member' }
    }),
  )
}

/** Takes a member out, of this machine or another, unless etcd could not go on without it. Throws a sentence. */
export async function removeEtcdMember(dataDirectory: string, name: string): Promise<void> {
  const paths = pathsOf(dataDirectory)
  const { own, openAdmin } = operatorOf(paths)
  using admin = await openAdmin([...clientURLsOf([], own), ...own.others])
  await removeMember(admin, name, openAdmin)
  if (name !== own.name) await callControl(serverSocket(paths), 'publish-members')
}

/** Takes this machine's member out before its data is deleted, if there are others. Throws a sentence when they could not go on without it. */
export async function leaveEtcd(paths: Paths): Promise<void> {
  const own = readMember(paths)
  if (own === undefined || own.phase === 'first' || own.others.length === 0) return
  const { openAdmin } = operatorOf(paths)
  using admin = await openAdmin(own.others)
  const isKnown = (await admin.members()).some((member) => member.name === own.name)
  if (isKnown) await removeMember(admin, own.name, openAdmin)
}

function operatorOf(paths: Paths): { readonly own: MemberFile; readonly openAdmin: OpenAdmin } {
  const own = readMember(paths)
  if (own === undefined)
    throw new StoreFailure(
      'Refused',
      `${paths.root} has no etcd member; servers that were begun with --cluster-init or joined to such have one`,
    )
  const tls = { ca: readFileSync(join(paths.pki, `${ETCD_CA}.crt`), 'utf8'), ...readPair(paths.pki, ETCD_CLIENT) }
  const openAdmin = (servers: readonly string[]): Promise<EtcdAdmin> =>
    openEtcdAdmin({ servers, tls, clock: systemClock, random: systemRandom })
  return { own, openAdmin }
}
