import type { Clock, Random } from '#base'
import type { EtcdConnection } from './connection.ts'
import { EtcdError } from './errors.ts'
import type { LeaseGrantResponse } from './messages.ts'

/** One lease serves entries written within this part of their time to live, and never longer than a minute, as upstream's does. */
const REUSE_PART = 0.05
const REUSE_SECONDS_MAX = 60
/** Entries of one lease: etcd ends them in one transaction, which must stay small. */
const LEASE_ENTRIES_MAX = 1000

interface Lease {
  /** Its number, once etcd has granted it. */
  readonly granted: Promise<number>
  readonly endsAtMs: number
  entries: number
}

/** Leases for entries with a time to live, one for many entries: a cluster writes events by the thousand. */
export class Leases {
  readonly #connection: EtcdConnection
  readonly #clock: Clock
  readonly #random: Random
  #last: Lease | undefined

  constructor(connection: EtcdConnection, { clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#connection = connection
    this.#clock = clock
    this.#random = random
  }

  /** A lease that lasts `ttlSeconds`, or a little longer. */
  async forTtl(ttlSeconds: number): Promise<number> {
    const reuseSeconds = Math.min(REUSE_SECONDS_MAX, Math.floor(ttlSeconds * REUSE_PART))
    const nowMs = this.#clock.monotonic()
    const last = this.#last
    const lasts = last !== undefined && last.endsAtMs > nowMs + ttlSeconds * 1000
    const tooLong = last !== undefined && last.endsAtMs > nowMs + (ttlSeconds + reuseSeconds) * 1000
    if (lasts && !tooLong && last.entries < LEASE_ENTRIES_MAX) {
      last.entries++
      return last.granted
    }
    const seconds = ttlSeconds + reuseSeconds
    const lease = { granted: this.#grant(seconds), endsAtMs: nowMs + seconds * 1000, entries: 1 }
    this.#last = lease
    try {
      return await lease.granted
    } catch (error) {
      if (this.#last === lease) this.forget()
      throw error
    }
  }

  /** Called when etcd does not know a lease any more. */
  forget(): void {
    this.#last = undefined
  }

  async #grant(ttlSeconds: number): Promise<number> {
    // The number is ours to choose: one that doubles hold exactly. Sent twice, the second is refused, and that one exists.
    const id = 1 + this.#random.int(2 ** 31) * 2 ** 20 + this.#random.int(2 ** 20)
    await this.#connection.retrying(async (count) => {
      try {
        await this.#connection.attempt<LeaseGrantResponse>('leaseGrant', { ttl: ttlSeconds, id })
      } catch (error) {
        if (count === 0 || !(error instanceof EtcdError) || !/lease already exists/.test(error.message)) throw error
      }
    })
    return id
  }
}
