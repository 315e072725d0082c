import type { Clock, Timer } from '#base'
import type { EtcdConnection } from './connection.ts'
import { ALARM_CORRUPT, ALARM_NO_SPACE, type AlarmResponse } from './messages.ts'

/** How old an answer to "is etcd well" may be. */
const CHECK_PERIOD_MS = 5_000

/** Asks the cluster, while anybody wants to know, whether it answers and has raised no alarm. */
export class Health implements Disposable {
  readonly #connection: EtcdConnection
  readonly #clock: Clock
  #alarm: string | undefined
  #timer: Timer | undefined
  #asking = false
  #disposed = false

  constructor(connection: EtcdConnection, clock: Clock) {
    this.#connection = connection
    this.#clock = clock
  }

  /** One sentence, or undefined when all is well. What is found out now is said from the next call on. */
  problem(): string | undefined {
    if (this.#timer === undefined && !this.#asking) void this.#ask()
    const { failure } = this.#connection
    return failure === undefined ? this.#alarm : `etcd failed: ${failure.message}`
  }

  [Symbol.dispose](): void {
    this.#disposed = true
    this.#timer?.[Symbol.dispose]()
  }

  async #ask(): Promise<void> {
    this.#asking = true
    try {
      // Of all members; that it is answered at all clears what failed before.
      const { alarms = [] } = await this.#connection.call<AlarmResponse>('alarm', {})
      const raised = new Set(alarms.map(({ alarm }) => alarm))
      this.#alarm = raised.has(ALARM_CORRUPT)
        ? 'etcd found a member corrupt and takes no writes'
        : raised.has(ALARM_NO_SPACE)
          ? 'etcd has no space left and takes no writes'
          : undefined
    } catch {
      // The connection keeps what failed.
    } finally {
      this.#asking = false
    }
    if (this.#disposed) return
    this.#timer = this.#clock.after(CHECK_PERIOD_MS, () => {
      this.#timer = undefined
    })
  }
}
