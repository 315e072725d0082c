import { type Clock, type Log, type Random, TaskGroup } from '#base'
import { type Client, fencedLog, type Leadership, runAsLeader } from '#client'

export interface Election {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** `kube-system/kube-scheduler` */
  readonly lease: string
  /** Unique for each candidate; one that comes back under its old name need not wait for its own lease to run out. */
  readonly identity: string
  readonly leaseMs?: number | undefined
  readonly renewMs?: number | undefined
  readonly retryMs?: number | undefined
  /** Called when leadership was lost and everything has been stopped, for who ends then, and says so, as upstream's components do. Without it the candidate stands again. */
  readonly onLost?: ((error: Error) => void) | undefined
}

export interface Candidacy extends AsyncDisposable {
  /** Resolves when this candidate has first become the leader and its component runs; rejects when the component can't start. */
  readonly leading: Promise<void>
}

/**
 * Runs `start` while this candidate holds the lease, and disposes of what it made before anybody else may hold it. What acts does so through a {@link fencedTransport}
 * of the leadership that `start` is given, and logs by what it is given, which falls silent with the leadership.
 */
export function standForElection(
  election: Election,
  start: (leadership: Leadership, log: Log) => Promise<AsyncDisposable>,
): Candidacy {
  const { log, lease, onLost } = election
  const leading = Promise.withResolvers<void>()
  leading.promise.catch(() => undefined)
  const tasks = new TaskGroup({ onError: (error) => leading.reject(error) })
  tasks.spawn(async (signal) => {
    while (!signal.aborted) {
      const lost = await runAsLeader({ ...election, signal }, async (leadership) => {
        await using _running = await start(leadership, fencedLog(log, leadership))
        leading.resolve()
        const { signal: over } = leadership
        if (!over.aborted) await new Promise<void>((resolve) => over.addEventListener('abort', () => resolve(), { once: true }))
      })
      if (signal.aborted || lost === undefined) return
      if (onLost !== undefined) return onLost(new Error(`leaderelection lost: ${lost}`))
      log.warn('leaderelection lost', { lease, because: lost })
    }
  })
  return { leading: leading.promise, [Symbol.asyncDispose]: () => tasks[Symbol.asyncDispose]() }
}
