import { type Clock, type Log, sleepOn } from '#base'
import type { EndpointsKeeper } from '../hooks/index.ts'
import type { Listener } from '../http/listener.ts'
import type { Watches } from '../rest/watches.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { ShutdownOptions } from './options.ts'

/** Once nothing is in flight, clients have so long to close their connections (upstream's time for it with `--shutdown-send-retry-after`). */
const CONNECTIONS_MS_MAX = 2_000

export interface TerminationDependencies {
  readonly lifecycle: Lifecycle
  readonly endpoints: EndpointsKeeper
  readonly watches: Watches
  readonly listeners: readonly Listener[]
  readonly clock: Clock
  readonly log: Log
}

/** The end of a server's service, in upstream's order. Every wait has a bound, so that no client and no store holds it up for ever. */
export class Termination {
  readonly #options: ShutdownOptions
  readonly #dependencies: TerminationDependencies
  #delayed: Promise<unknown> | undefined
  #finished: Promise<void> | undefined

  constructor(options: ShutdownOptions, dependencies: TerminationDependencies) {
    this.#options = options
    this.#dependencies = dependencies
  }

  /** `/readyz` fails from now on, the `kubernetes` Service leads elsewhere, and the delay begins; everything is served meanwhile. */
  initiate(): void {
    const { lifecycle, endpoints, listeners, log } = this.#dependencies
    if (this.#delayed !== undefined) return
    lifecycle.initiate()
    // Nobody is sent to a server that never listened.
    const delayMs = listeners.length === 0 ? 0 : (this.#options.delayMs ?? 0)
    if (delayMs > 0) log.info('Shutting down', { delayMs })
    this.#delayed = Promise.all([endpoints.leave(), this.#pause(delayMs)])
  }

  /** Resolves when all is answered that was asked in time, and no connection is left. Called again, it is the same end. */
  finish(): Promise<void> {
    this.#finished ??= this.#finish()
    return this.#finished
  }

  async #finish(): Promise<void> {
    const { lifecycle, watches, listeners } = this.#dependencies
    const { sendRetryAfter = false, watchGraceMs = 0, drainMs = 0 } = this.#options
    this.initiate()
    await this.#delayed
    lifecycle.refuse({ sendRetryAfter })
    if (!sendRetryAfter) for (const listener of listeners) listener.stop()
    const drained = Promise.all([lifecycle.drained(), watches.drain(watchGraceMs)])
    await this.#within(Math.max(drainMs, watchGraceMs), drained)
    const connectionsMs = drainMs > 0 ? CONNECTIONS_MS_MAX : 0
    await Promise.all(listeners.map((listener) => listener.close(connectionsMs)))
  }

  #pause(ms: number): Promise<void> {
    return ms > 0 ? this.#dependencies.clock.sleep(ms) : Promise.resolve()
  }

  /** Waits for work, but not longer. */
  async #within(ms: number, work: Promise<unknown>): Promise<void> {
    if (ms === 0) return
    const done = new AbortController()
    const late = sleepOn(this.#dependencies.clock, ms, done.signal).then(
      () => this.#dependencies.log.warn('Requests were still in flight when their time was up', {}),
      () => undefined,
    )
    await Promise.race([work, late])
    done.abort()
  }
}
