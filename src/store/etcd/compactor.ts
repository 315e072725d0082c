import type { Revision } from '../store.ts'
import type { EtcdConnection } from './connection.ts'
import { EtcdError } from './errors.ts'
import { TARGET_VERSION, type TxnResponse } from './messages.ts'

/** Upstream's: its API servers and ours take turns by it. */
const COMPACT_REVISION_KEY = 'compact_rev_key'

/**
 * Forgets history, and takes turns at it with the API servers beside this one: each knows how often the shared key had been written when it last looked,
 * and only who finds it so may write it again and compact.
 */
export class Compactor {
  readonly #connection: EtcdConnection
  readonly #note: (revision: Revision) => void
  #turn = 0

  constructor(connection: EtcdConnection, note: (revision: Revision) => void) {
    this.#connection = connection
    this.#note = note
  }

  async compact(revision: Revision): Promise<void> {
    await this.#connection.retrying(async (count) => {
      try {
        await this.#connection.attempt('compact', { revision })
      } catch (error) {
        // Then it was done by an attempt that nobody answered.
        if (count === 0 || !(error instanceof EtcdError) || error.kind !== 'compacted') throw error
      }
    })
  }

  /** Compacts unless another did since this was last called. */
  async compactInTurn(revision: Revision): Promise<void> {
    const { header, succeeded, responses } = await this.#connection.attempt<TxnResponse>('txn', {
      compare: [{ target: TARGET_VERSION, key: COMPACT_REVISION_KEY, version: this.#turn }],
      success: [{ put: { key: COMPACT_REVISION_KEY, value: Buffer.from(String(revision)) } }],
      failure: [{ range: { key: COMPACT_REVISION_KEY } }],
    })
    this.#note(header?.revision ?? 0)
    if (succeeded) {
      this.#turn++
      await this.compact(revision)
    } else this.#turn = responses?.[0]?.range?.kvs?.[0]?.version ?? 0
  }
}
