import { StoreFailure } from '../store.ts'
import { openConnection } from './connect.ts'
import type { EtcdMethod } from './connection.ts'
import { EtcdError, failureOf } from './errors.ts'
import type { EtcdAccessOptions } from './index.ts'
import type { MembersResponse, StatusResponse } from './messages.ts'

/** A member as the cluster knows it. One that was added and has never started has no name and no client URLs. */
export interface EtcdMember {
  readonly id: bigint
  readonly name: string
  readonly peerURLs: readonly string[]
  readonly clientURLs: readonly string[]
  /** Follows the log without a vote, until it is promoted. */
  readonly isLearner: boolean
}

export interface EtcdStatus {
  readonly version: string
  readonly memberId: bigint
  /** 0: there is none. */
  readonly leader: bigint
  readonly isLearner: boolean
}

/** What an operator does to an etcd cluster. Each call throws `StoreFailure`. */
export interface EtcdAdmin extends Disposable {
  members(): Promise<EtcdMember[]>
  /** Adds a member without a vote; resolves with all of them. */
  addLearner(peerURL: string): Promise<EtcdMember[]>
  /** Gives a learner its vote; refused while it is behind. */
  promote(id: bigint): Promise<void>
  remove(id: bigint): Promise<void>
  /** Of one member that answers, asked once. */
  status(): Promise<EtcdStatus>
  /** Makes another member lead; to be asked of the leader. */
  moveLeader(to: bigint): Promise<void>
}

/** Changes of membership wait for a majority, and for members to be connected. */
const CHANGE_TIMEOUT_MS = 7_000
/** Attempts at a removal that nobody answers, as when the leader has just died. */
const REMOVALS_MAX = 3

export async function connectAsOperator(options: EtcdAccessOptions): Promise<EtcdAdmin> {
  const connection = await openConnection(options)
  const ask = async <T>(method: EtcdMethod, request: object, timeoutMs?: number): Promise<T> => {
    try {
      return await connection.call<T>(method, request, timeoutMs)
    } catch (error) {
      throw failureOf(error)
    }
  }
  /** Answered once there is a leader. */
  const members = async (): Promise<EtcdMember[]> => membersOf(await ask<MembersResponse>('memberList', { linearizable: true }))
  /** Sent once: what became of a change that nobody answered is read from the list of members. */
  const change = async <T>(method: EtcdMethod, request: object): Promise<T> => {
    try {
      return await connection.attempt<T>(method, request, CHANGE_TIMEOUT_MS)
    } catch (error) {
      throw failureOf(error)
    }
  }
  return {
    members,
    addLearner: async (peerURL) =>
      membersOf(await change<MembersResponse>('memberAdd', { peerURLs: [peerURL], isLearner: true })),
    promote: async (id) => void (await change('memberPromote', { id })),
    async remove(id) {
      for (let attempt = 1; ; attempt++) {
        try {
          await change('memberRemove', { id })
          return
        } catch (error) {
          const isUnanswered = error instanceof StoreFailure && error.reason === 'Unavailable'
          // What an earlier attempt began may have come to its end since.
          if (attempt === 1 && !isUnanswered) throw error
          if (!(await members()).some((member) => member.id === id)) return
          if (!isUnanswered || attempt === REMOVALS_MAX) throw error
        }
      }
    },
    async status() {
      try {
        return statusOf(await connection.attempt<StatusResponse>('status', {}))
      } catch (error) {
        throw failureOf(error)
      }
    },
    moveLeader: async (to) => void (await change('moveLeader', { targetId: to })),
    [Symbol.dispose]: () => connection[Symbol.dispose](),
  }
}

const membersOf = ({ members = [] }: MembersResponse): EtcdMember[] =>
  members.map(({ id = 0n, name = '', peerURLs = [], clientURLs = [], isLearner = false }) => ({
    id,
    name,
    peerURLs,
    clientURLs,
    isLearner,
  }))

function statusOf({ header, version = '', leader = 0n, isLearner = false }: StatusResponse): EtcdStatus {
  if (header?.memberId === undefined) throw new EtcdError('refused', 'the member does not say who it is', true)
  return { version, memberId: header.memberId, leader, isLearner }
}
