import { type Clock, type Log, type Random, TaskGroup } from '#base'
import { type Client, type Leadership, runAsLeader } from '#client'

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
  /** Called when leadership was lost and everything has been stopped; the candidate then stands again. */
  readonly onLost?: ((error: Error) => void) | undefined
}

export interface Candidacy extends AsyncDisposable {
  /** Resolves when this candidate has first become the leader and its component runs; rejects when the component can't start. */
  readonly leading: Promise<void>
}

/**
 * Runs `start` while this candidate holds the lease, and disposes of what it made before anybody else may hold it. What acts does so through a {@link fencedTransport}
 * of the leadership that `start` is given.
 */
export function standForElection(election: Election, start: (leadership: Leadership) => Promise<AsyncDisposable>): Candidacy {
  const { log, lease, onLost } = election
  const leading = Promise.withResolvers<void>()
  leading.promise.catch(() => undefined)
  const tasks = new TaskGroup({ onError: (error) => leading.reject(error) })
  tasks.spawn(async (signal) => {
    while (!signal.aborted) {
      const ended = await runAsLeader({ ...election, signal }, async (leadership) => {
        await using _running = await start(leadership)
        leading.resolve()
        const { signal: over } = leadership
        if (!over.aborted) await new Promise<void>((resolve) => over.addEventListener('abort', () => resolve(), { once: true }))
      })
      if (signal.aborted || ended) return
      log.warn('Leadership was lost', { lease })
      onLost?.(new Error(`the lease ${lease} was lost to another candidate, or could not be renewed in time`))
    }
  })
  return { leading: leading.promise, [Symbol.asyncDispose]: () => tasks[Symbol.asyncDispose]() }
}
