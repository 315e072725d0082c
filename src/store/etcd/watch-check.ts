import type { Timer } from '#base'
import type { Revision } from '../store.ts'
import { CALL_TIMEOUT_MS, CHOICE_TIMEOUT_MS, type EtcdConnection } from './connection.ts'
import { EtcdError } from './errors.ts'
import type { RangeResponse } from './messages.ts'

/** How often the cluster is asked how far it is. gRPC's pings may not come as often, and a member that is cut off from the others answers them. */
const CHECK_PERIOD_MS = 1_000
/** Periods after which a watch must have told of what the cluster had said. Answers come behind the events of the same connection, so a process that was busy or stopped finds nothing wrong. */
const PERIODS_BEHIND_MAX = 2
/** Which key is asked for is of no matter. */
const ANY_KEY = 'compact_rev_key'

/**
 * How old what a watch has told may be, while a majority of etcd and a way to it are there: a period until the question, the time that its answer may take, the choice of another
 * member, the time that opening takes there; or, when the member answers and its watch does not get on, two periods more.
 */
export const WATCH_STALENESS_MS_MAX = (1 + PERIODS_BEHIND_MAX) * CHECK_PERIOD_MS + 2 * CALL_TIMEOUT_MS + CHOICE_TIMEOUT_MS

interface CheckedWatch {
  /** Up to where it has told of every change. */
  readonly reached: Revision
  giveUp(details: string): void
}

/** Asks, as long as a watch lasts, how far the cluster is: a member that does not answer is left, with its watches, and so is one whose watch stays behind its answers. */
export class WatchCheck implements Disposable {
  readonly #connection: EtcdConnection
  readonly #watch: CheckedWatch
  /** The last answers, oldest first. */
  readonly #answers: Revision[] = []
  #timer: Timer | undefined
  #disposed = false

  constructor(connection: EtcdConnection, watch: CheckedWatch) {
    this.#connection = connection
    this.#watch = watch
    this.#arm()
  }

  [Symbol.dispose](): void {
    this.#disposed = true
    this.#timer?.[Symbol.dispose]()
  }

  #arm(): void {
    if (!this.#disposed) this.#timer = this.#connection.after(CHECK_PERIOD_MS, () => void this.#ask())
  }

  async #ask(): Promise<void> {
    try {
      const { header } = await this.#connection.call<RangeResponse>('range', { key: ANY_KEY, countOnly: true })
      this.#answers.push(header?.revision ?? 0)
    } catch (error) {
      // The connection goes on to another member by itself, and keeps what failed.
      if (!(error instanceof EtcdError)) throw error
    }
    if (this.#disposed) return
    const due = this.#answers.length > PERIODS_BEHIND_MAX ? this.#answers.shift()! : 0
    const { reached } = this.#watch
    if (reached < due)
      this.#watch.giveUp(`the member's watch is at revision ${reached}, and the cluster was at ${due} two seconds ago`)
    else this.#arm()
  }
}
