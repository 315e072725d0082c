import { AsyncQueue, type Clock, nextTurn, type Timer } from '#base'
import { changeOf, type History, type LogRecord, type Version } from './history.ts'
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

/** A record that is to become durable; `settle` is told once, when it has or can't. */
export interface LogWrite extends LogRecord {
  settle(error?: Error): void
}

/** Makes records durable, in the order given. What a backend adds to {@link LoggedStore}. */
export interface DurableLog extends AsyncDisposable {
  /** Throws a `StoreFailure` when no such record is taken now; after that `append` takes it. Deletes may go on where puts are refused. */
  admit(type: Change['type']): void
  /**
   * Settles, in the order of the calls, once the record is on disk, or with what went wrong. Then nothing of what had been appended before that is
   * settled with success any more, and `admit` says whether there is a way on.
   */
  append(write: LogWrite): void
  /** Notes that history is gone up to `revision`, and may use the moment to keep less; `state` has what is durable and visible by then. */
  compact(revision: Revision, state: () => History): Promise<void>
  /** Why the log can't be relied on now. */
  problem(): string | undefined
}

/** A log of what is forgotten with the process. */
export const memoryLog: DurableLog = {
  admit() {},
  append: (write) => write.settle(),
  async compact() {},
  problem: () => undefined,
  async [Symbol.asyncDispose]() {},
}

/** Changes that one watcher may have waiting before it is cut off. */
export const WATCH_BUFFER_CHANGES_MAX = 100_000
/** Values of changes since the last compaction. More are forgotten early, down to half: watches and lists from then must start again. */
export const HISTORY_BYTES_MAX = 256 * 1024 * 1024
/** What history forgets before others have their turn: about half a millisecond. */
const COMPACTED_PER_TURN = 128
/** Entries that ended together and are deleted together. */
const EXPIRED_TOGETHER_MAX = 1_000

/** On its way to disk. All that there is of a write until then: what is made for each fills the young generation, whose collections stop everybody. */
class Write implements LogWrite {
  readonly revision: Revision
  readonly key: string
  readonly value: Uint8Array | undefined
  readonly expiresAtMs: number | undefined
  readonly settled = Promise.withResolvers<Revision>()
  readonly #onSettled: (write: Write, error: Error | undefined) => void

  constructor(
    revision: Revision,
    key: string,
    value: Uint8Array | undefined,
    expiresAtMs: number | undefined,
    onSettled: (write: Write, error: Error | undefined) => void,
  ) {
    this.revision = revision
    this.key = key
    this.value = value
    this.expiresAtMs = expiresAtMs
    this.#onSettled = onSettled
  }

  settle(error?: Error): void {
    this.#onSettled(this, error)
  }
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
  /**
   * What keys will be at once all that is on its way is on disk: the revision, and negative when that is a deletion. Numbers, since tables that a map has outgrown are long-lived garbage,
   * and what they point to is copied by each collection until they are found to be.
   */
  readonly #pending = new Map<string, Revision>()
  /** Who lost to a write that was still on its way, by its revision. */
  readonly #losers = new Map<Revision, PromiseWithResolvers<void>>()
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

  #write(key: string, value: Uint8Array | undefined, expected: Revision, expiresAtMs: number | undefined): Promise<Revision> {
    if (this.#disposed) return Promise.reject(new Error('the store is closed'))
    const before = this.#pending.get(key)
    if ((before === undefined ? this.#history.revisionOf(key) : Math.max(0, before)) !== expected)
      return this.#refused(key, before)
    try {
      this.#log.admit(value === undefined ? 'delete' : 'put')
    } catch (error) {
      return Promise.reject(error as Error)
    }
    const write = new Write(++this.#assigned, key, value, expiresAtMs, this.#onSettled)
    this.#pending.set(key, pendingOf(write))
    this.#log.append(write)
    return write.settled.promise
  }

  /** One for all writes. */
  readonly #onSettled = (write: Write, error: Error | undefined): void => {
    const { key, revision, settled } = write
    if (this.#pending.get(key) === pendingOf(write)) this.#pending.delete(key)
    if (error === undefined) {
      this.#commit(write)
      settled.resolve(revision)
    } else {
      // All that came after is lost too, and what comes next follows what is durable.
      this.#assigned = this.#history.revision
      settled.reject(error)
    }
    if (this.#losers.size === 0) return
    this.#losers.get(revision)?.resolve()
    this.#losers.delete(revision)
  }

  /** The winner may still be on its way; who lost to it should be shown what is then there. */
  async #refused(key: string, winner: Revision | undefined): Promise<never> {
    if (winner !== undefined) {
      const revision = Math.abs(winner)
      const settled = this.#losers.get(revision) ?? Promise.withResolvers()
      this.#losers.set(revision, settled)
      await settled.promise
    }
    throw new RevisionConflict(key, this.#history.current(key))
  }

  #commit(record: LogRecord): void {
    const version = this.#history.apply(record)
    if (this.#timer === undefined ? this.#history.hasExpiring : (record.expiresAtMs ?? Number.POSITIVE_INFINITY) < this.#timer.at)
      this.#armExpiry()
    if (this.#watchers.size > 0) this.#tell(version)
    if (this.#history.changedBytes > this.#historyBytesMax && !this.#isTrimming) void this.#trim()
  }

  #tell(version: Version): void {
    let change: Change | undefined
    for (const { prefix, queue } of this.#watchers) {
      if (!version.key.startsWith(prefix)) continue
      change ??= changeOf(version)
      if (!queue.push(change)) queue.fail(new WatchOverflow(WATCH_BUFFER_CHANGES_MAX))
    }
  }

  async #compact(revision: Revision): Promise<void> {
    const history = this.#history
    if (revision > history.revision) throw new FutureRevision(revision, history.revision)
    if (revision <= history.compactedRevision) throw new Compacted(revision, history.compactedRevision)
    await this.#forget(() => revision)
    await this.#log.compact(revision, () => this.state())
  }

  /** Before history costs more memory than it may. */
  async #trim(): Promise<void> {
    this.#isTrimming = true
    const compacted = this.#compacting.then(async () => {
      const history = this.#history
      await this.#forget(() => history.revisionForBytes(this.#historyBytesMax / 2, COMPACTED_PER_TURN))
      await this.#log.compact(history.compactedRevision, () => this.state())
    })
    // That the log has a problem it tells itself.
    this.#compacting = compacted.catch(() => undefined)
    await this.#compacting
    this.#isTrimming = false
  }

  /** A little each turn, as long as `until` is ahead. */
  async #forget(until: () => Revision): Promise<void> {
    const history = this.#history
    let next = until()
    while (next > history.compactedRevision) {
      history.compact(Math.min(next, history.compactedRevision + COMPACTED_PER_TURN))
      if (next === history.compactedRevision) next = until()
      if (next > history.compactedRevision) await nextTurn()
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

const pendingOf = ({ revision, value }: LogRecord): Revision => (value === undefined ? -revision : revision)
