import type { Revision } from '../store.ts'
import type { EtcdConnection } from './connection.ts'
import type { TxnResponse } from './messages.ts'

/**
 * A key of this process alone, whose revision every create names as a condition. A create that a member has not answered may lie in its socket and
 * be done much later, when the key it made has been made by another copy and deleted since: absence comes twice. Writing the fence makes all
 * creates before it impossible. It is written only after such a failure; until then it is not there.
 */
export class Fence {
  readonly key: string
  readonly #connection: EtcdConnection
  #revision: Revision = 0
  #isBreached = false
  #next: Promise<void> | undefined
  #running: Promise<void> | undefined

  constructor(connection: EtcdConnection, key: string) {
    this.#connection = connection
    this.key = key
  }

  /** What creates name. */
  get revision(): Revision {
    return this.#revision
  }

  /** A create was not answered: none may be sent before the fence was raised. */
  breach(): void {
    this.#isBreached = true
  }

  /** The fence was found at another revision: a raise that nobody answered was done after all. */
  foundAt(revision: Revision): void {
    this.#revision = Math.max(this.#revision, revision)
  }

  /** Resolves once no create that was given up before can have an effect any more. */
  async closed(): Promise<void> {
    if (this.#isBreached) await this.#raise()
  }

  /** One for all who wait; not the one that is under way, which may have been done before the breach. */
  #raise(): Promise<void> {
    this.#next ??= (async () => {
      await this.#running?.catch(() => undefined)
      this.#running = this.#next
      this.#next = undefined
      this.#isBreached = false
      try {
        const put = { key: this.key, value: Buffer.from('') }
        const response = await this.#connection.attempt<TxnResponse>('txn', { compare: [], success: [{ put }], failure: [] })
        this.#revision = Math.max(this.#revision, response.header?.revision ?? 0)
      } catch (error) {
        this.#isBreached = true
        throw error
      }
    })()
    return this.#next
  }
}
