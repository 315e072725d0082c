import type { Clock, Log } from '#base'
import { type EtcdAdmin, type EtcdMember, StoreFailure } from '#store'
import { clientURLOf, type MemberFile, peerURLOf } from './member-file.ts'

/** Members take changes only one at a time, and only when they have been connected for some seconds. */
const RETRY_MS = 500
const CHANGE_WITHIN_MS = 120_000

/** What a cluster says that is busy with another change, or not ready for one yet (api/v3rpc/rpctypes). */
const NOT_YET =
  /too many learner members|unhealthy cluster|not enough started members|in sync with leader|request timed out|leader changed|no leader/

export interface MembershipDependencies {
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/** Makes this machine's member one of the cluster, without a vote; resolves with all of them. Does nothing when it is one already. Throws a sentence. */
export async function addAsLearner(
  admin: EtcdAdmin,
  own: MemberFile,
  dependencies: MembershipDependencies,
): Promise<readonly EtcdMember[]> {
  const peerURL = peerURLOf(own)
  return untilReady('added to', dependencies, async () => {
    const known = await admin.members()
    const taken = known.find((each) => each.name === own.name && !each.peerURLs.includes(peerURL))
    if (taken !== undefined)
      throw new Error(
        `etcd has a member ${own.name} already, at ${taken.peerURLs.join(', ')}; choose another --name, or remove that one first with 't8s member remove ${own.name}'`,
      )
    return known.some((each) => each.peerURLs.includes(peerURL)) ? known : admin.addLearner(peerURL)
  })
}

/** Gives this machine's member its vote once it has caught up; at once when it has it. */
export async function promote(admin: EtcdAdmin, own: MemberFile, dependencies: MembershipDependencies): Promise<void> {
  await untilReady('promoted in', dependencies, async () => {
    const member = (await admin.members()).find((each) => each.peerURLs.includes(peerURLOf(own)))
    if (member === undefined) throw new Error(`the member ${own.name} was removed while it joined; join again with a new token`)
    if (member.isLearner) await admin.promote(member.id)
  })
}

/** A cluster has no events for "ready now", so it is asked again. */
async function untilReady<T>(what: string, { clock, log, signal }: MembershipDependencies, change: () => Promise<T>): Promise<T> {
  const endMs = clock.monotonic() + CHANGE_WITHIN_MS
  let said = ''
  for (;;) {
    try {
      return await change()
    } catch (error) {
      const passes = error instanceof StoreFailure && (error.reason === 'Unavailable' || NOT_YET.test(error.message))
      if (!passes || clock.monotonic() >= endMs) throw error
      if (error.message !== said) log.info(`The member can not be ${what} the cluster yet`, { because: error.message })
      said = error.message
      await clock.sleep(RETRY_MS, { signal })
    }
  }
}

/** How a member is asked by itself. */
export type OpenAdmin = (servers: readonly string[]) => Promise<EtcdAdmin>

/**
 * Removes a member, unless those that are left could not decide anything any more. A leader hands on first. Throws a sentence.
 */
export async function removeMember(admin: EtcdAdmin, name: string, openAdmin: OpenAdmin): Promise<void> {
  const members = await admin.members()
  const leaving = members.find((each) => each.name === name) ?? members.find(({ id }) => id.toString(16) === name)
  if (leaving === undefined)
    throw new Error(`etcd has no member ${name}; it has ${members.map((each) => each.name || each.id.toString(16)).join(', ')}`)
  const rest = members.filter((each) => each !== leaving && !each.isLearner)
  if (!leaving.isLearner) {
    if (rest.length === 0) throw new Error(`${name} is the last member of etcd; delete the cluster with 't8s reset --yes'`)
    const needed = Math.floor(rest.length / 2) + 1
    const alive = await aliveAmong(rest, openAdmin)
    if (alive.length < needed)
      throw new Error(
        `without ${name} etcd would have ${rest.length} ${rest.length === 1 ? 'member' : 'members'}, of which ${alive.length} answer and ${needed} must; start ${rest
          .filter((each) => !alive.includes(each))
          .map((each) => each.name)
          .join(', ')} first`,
      )
    await handOn(leaving, alive, openAdmin)
  }
  await admin.remove(leaving.id)
}

async function aliveAmong(members: readonly EtcdMember[], openAdmin: OpenAdmin): Promise<EtcdMember[]> {
  const answers = await Promise.all(members.map(async (member) => ((await leaderSeenBy(member, openAdmin)) ? [member] : [])))
  return answers.flat()
}

/** The leader that a member knows; undefined when it does not answer or knows none. */
async function leaderSeenBy({ clientURLs }: EtcdMember, openAdmin: OpenAdmin): Promise<bigint | undefined> {
  if (clientURLs.length === 0) return undefined
  using admin = await openAdmin(clientURLs)
  try {
    return (await admin.status()).leader || undefined
  } catch (error) {
    if (error instanceof StoreFailure) return undefined
    throw error
  }
}

async function handOn(leaving: EtcdMember, to: readonly EtcdMember[], openAdmin: OpenAdmin): Promise<void> {
  if ((await leaderSeenBy(leaving, openAdmin)) !== leaving.id) return
  using admin = await openAdmin(leaving.clientURLs)
  await admin.moveLeader(to[0]!.id)
}

/** Client URLs of those that can be asked, the nearest first. */
export function clientURLsOf(members: readonly EtcdMember[], own: MemberFile | undefined): string[] {
  const near = own === undefined ? [] : [clientURLOf({ ...own, address: '127.0.0.1' })]
  const far = members.filter((each) => !each.isLearner).flatMap((each) => each.clientURLs)
  return [...near, ...far.filter((url) => own === undefined || url !== clientURLOf(own))]
}
