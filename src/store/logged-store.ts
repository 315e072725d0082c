import { AsyncQueue, type Clock, nextTurn, type Timer } from '#base'
import type { History, LogRecord } from './history.ts'
import {
  type Change,
  Compacted,
  type Entry,
  type ForkOptions,
  FutureRevision,
  type ListOptions,
  type Page,
  type Progress,
  type PutOptions,
  type Revision,
  RevisionConflict,
  type Store,
  WatchOverflow,
} from './store.ts'

/** Makes records durable, in the order given. What a backend adds to {@link LoggedStore}. */
export interface DurableLog extends AsyncDisposable {
  /** Throws a `StoreFailure` when no such record is taken now; after that `append` takes it. Deletes may go on where puts are refused. */
  admit(type: Change['type']): void
  /**
   * Settles, in the order of the calls, once the record is on disk, or with what went wrong. Then nothing of what had been appended before that is
   * settled with success any more, and `admit` says whether there is a way on.
   */
  append(record: LogRecord, settle: (error?: Error) => void): void
  /** Notes that history is gone up to `revision`, and may use the moment to keep less; `state` has what is durable and visible by then. */
  compact(revision: Revision, state: () => History): Promise<void>
  /** Why the log can't be relied on now. */
  problem(): string | undefined
}

/** A log of what is forgotten with the process. */
export const memoryLog: DurableLog = {
  admit() {},
  append: (_record, settle) => settle(),
  async compact() {},
  problem: () => undefined,
  async [Symbol.asyncDispose]() {},
}

/** Changes that one watcher may have waiting before it is cut off. */
export const WATCH_BUFFER_CHANGES_MAX = 100_000
/** Values of changes since the last compaction. More are forgotten early, down to half: watches and lists from then must start again. */
export const HISTORY_BYTES_MAX = 256 * 1024 * 1024
/** What history forgets before others have their turn. */
const COMPACTED_PER_TURN = 512
/** Entries that ended together and are deleted together. */
const EXPIRED_TOGETHER_MAX = 1_000

/** On its way to disk, under its key. */
interface Pending {
  readonly record: LogRecord
  /** Of those who lost to it. */
  settled?: PromiseWithResolvers<void>
}

interface Watcher {
  readonly prefix: string
  readonly queue: AsyncQueue<Change | Progress>
}

/**
 * The store's semantics over any {@link DurableLog}. Preconditions see changes that are still on their way to disk, so that writes can follow
 * one another without waiting; reads and watches see only what is durable.
 */
export class LoggedStore implements Store {
  readonly isShared = false
  readonly #history: History
  readonly #pending = new Map<string, Pending>()
  readonly #watchers = new Set<Watcher>()
  readonly #log: DurableLog
  readonly #clock: Clock
  readonly #historyBytesMax: number
  #assigned: Revision
  #compacting: Promise<void> = Promise.resolve()
  #isTrimming = false
  #isExpiring = false
  #timer: Timer | undefined
  #disposed = false

  /** Takes `history` over: what the log held when it was opened. */
  constructor(log: DurableLog, history: History, clock: Clock, historyBytesMax = HISTORY_BYTES_MAX) {
    this.#log = log
    this.#history = history
    this.#clock = clock
    this.#historyBytesMax = historyBytesMax
    this.#assigned = history.revision
    this.#armExpiry()
  }

  get revision(): Revision {
    return this.#history.revision
  }

  async latest(): Promise<Revision> {
    return this.#history.revision
  }

  async get(key: string, at?: Revision): Promise<Entry | undefined> {
    return this.#history.get(key, at)
  }

  async list(prefix: string, options: ListOptions = {}): Promise<Page> {
    return this.#history.list(prefix, options)
  }

  put(key: string, value: Uint8Array, options: PutOptions): Promise<Revision> {
    const expiresAtMs = options.ttlSeconds === undefined ? undefined : this.#clock.now() + options.ttlSeconds * 1000
    return this.#write(key, value, options.expected, expiresAtMs)
  }

  async delete(key: string, expected: Revision): Promise<Revision> {
    if (expected === 0) throw new RevisionConflict(key, this.#history.current(key))
    return this.#write(key, undefined, expected, undefined)
  }

  async *watch(prefix: string, since: Revision, signal: AbortSignal): AsyncIterable<Change | Progress> {
    const backlog = this.#history.changesAfter(since, prefix)
    const caughtUp = this.#history.revision
    const watcher: Watcher = { prefix, queue: new AsyncQueue(WATCH_BUFFER_CHANGES_MAX) }
    const onAbort = (): void => watcher.queue.close()
    if (signal.aborted || this.#disposed) return
    signal.addEventListener('abort', onAbort, { once: true })
    this.#watchers.add(watcher)
    try {
      yield* backlog
      yield { type: 'progress', revision: caughtUp }
      for await (const change of watcher.queue) {
        // A watch that starts in the future waits for it.
        if (change.revision > since) yield change
        if (signal.aborted) return
      }
    } finally {
      this.#watchers.delete(watcher)
      signal.removeEventListener('abort', onAbort)
    }
  }

  compact(revision: Revision): Promise<void> {
    // One after the other: the next may need what the last has left.
    const compacted = this.#compacting.then(() => this.#compact(revision))
    this.#compacting = compacted.catch(() => undefined)
    return compacted
  }

  compactInTurn(revision: Revision): Promise<void> {
    return this.compact(revision)
  }

  /** In constant time, and in as much again for every change since `at`. Forgotten with its process, whatever this store is. */
  fork({ clock, at }: ForkOptions): Store {
    const history = this.#history.clone()
    if (at !== undefined) history.rewind(at)
    return new LoggedStore(memoryLog, history, clock, this.#historyBytesMax)
  }

  /** What is durable and visible now, as a state of its own. In constant time. */
  state(): History {
    return this.#history.clone()
  }

  problem(): string | undefined {
    return this.#log.problem()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    this.#timer?.[Symbol.dispose]()
    await this.#log[Symbol.asyncDispose]()
    for (const { queue } of this.#watchers) queue.close()
  }

  /** One promise and one closure a write: what lives while it waits for the disk is copied by each collection meanwhile. */
  #write(key: string, value: Uint8Array | undefined, expected: Revision, expiresAtMs: number | undefined): Promise<Revision> {
    return new Promise((resolve, reject) => {
      if (this.#disposed) throw new Error('the store is closed')
      const before = this.#pending.get(key)
      if (this.#revisionOf(key, before) !== expected) {
        resolve(this.#refused(key, before))
        return
      }
      this.#log.admit(value === undefined ? 'delete' : 'put')
      const pending: Pending = { record: { revision: ++this.#assigned, key, value, expiresAtMs } }
      this.#pending.set(key, pending)
      this.#log.append(pending.record, (error) => {
        if (this.#pending.get(key) === pending) this.#pending.delete(key)
        if (error === undefined) {
          this.#commit(pending.record)
          resolve(pending.record.revision)
        } else {
          // All that came after is lost too, and what comes next follows what is durable.
          this.#assigned = this.#history.revision
          reject(error)
        }
        pending.settled?.resolve()
      })
    })
  }

  /** As the next write of `key` will find it: 0 when it is not there. */
  #revisionOf(key: string, pending: Pending | undefined): Revision {
    if (pending === undefined) return this.#history.current(key)?.revision ?? 0
    return pending.record.value === undefined ? 0 : pending.record.revision
  }

  /** The winner may still be on its way; who lost to it should be shown what is then there. */
  async #refused(key: string, winner: Pending | undefined): Promise<never> {
    if (winner !== undefined) await (winner.settled ??= Promise.withResolvers<void>()).promise
    throw new RevisionConflict(key, this.#history.current(key))
  }

  #commit(record: LogRecord): void {
    const change = this.#history.apply(record)
    if (this.#timer === undefined ? this.#history.hasExpiring : (record.expiresAtMs ?? Number.POSITIVE_INFINITY) < this.#timer.at)
      this.#armExpiry()
    for (const { prefix, queue } of this.#watchers) {
      if (!change.key.startsWith(prefix)) continue
      if (!queue.push(change)) queue.fail(new WatchOverflow(WATCH_BUFFER_CHANGES_MAX))
    }
    if (this.#history.changedBytes > this.#historyBytesMax && !this.#isTrimming) void this.#trim()
  }

  async #compact(revision: Revision): Promise<void> {
    const history = this.#history
    if (revision > history.revision) throw new FutureRevision(revision, history.revision)
    if (revision <= history.compactedRevision) throw new Compacted(revision, history.compactedRevision)
    while (history.compactedRevision < revision) {
      history.compact(Math.min(revision, history.compactedRevision + COMPACTED_PER_TURN))
      if (history.compactedRevision < revision) await nextTurn()
    }
    await this.#log.compact(revision, () => this.state())
  }

  /** Before history costs more memory than it may. */
  async #trim(): Promise<void> {
    this.#isTrimming = true
    try {
      await this.compact(this.#history.revisionForBytes(this.#historyBytesMax / 2))
    } catch {
      // Somebody else has compacted, or the log has a problem, of which it tells.
    } finally {
      this.#isTrimming = false
    }
  }

  #armExpiry(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    const first = this.#history.firstExpiry()
    if (first === undefined || this.#disposed || this.#isExpiring) return
    this.#timer = this.#clock.after(Math.max(0, first.atMs - this.#clock.now()), () => void this.#expire())
  }

  async #expire(): Promise<void> {
    this.#timer = undefined
    this.#isExpiring = true
    const due = this.#history.expired(this.#clock.now(), EXPIRED_TOGETHER_MAX)
    const deleted = await Promise.allSettled(due.map(({ key, revision }) => this.delete(key, revision)))
    this.#isExpiring = false
    // An entry that changed meanwhile has a new end, or none. Where the log takes nothing, the next change finds what has ended.
    if (deleted.every((each) => each.status === 'fulfilled' || each.reason instanceof RevisionConflict)) this.#armExpiry()
  }
}
