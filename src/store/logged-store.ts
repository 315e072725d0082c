import { AsyncQueue, type Clock, type Timer } from '#base'
import { History, type LogRecord } from './history.ts'
import {
  type Change,
  type Entry,
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
  /** Resolves once the record is on disk; in the order of the calls. A rejection ends the log's life. */
  append(record: LogRecord): Promise<void>
  /** Deletes records that nothing can read any more, and notes how far history is gone. */
  compact(revision: Revision, dropped: readonly Revision[]): Promise<void>
}

/** What a log held when it was opened. */
export interface Recovered {
  readonly compacted: Revision
  readonly revision: Revision
  readonly records: readonly LogRecord[]
}

/** Changes that one watcher may have waiting before it is cut off. */
export const WATCH_BUFFER_CHANGES_MAX = 100_000

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
  readonly #history = new History()
  readonly #pending = new Map<string, LogRecord>()
  readonly #watchers = new Set<Watcher>()
  readonly #expiring = new Map<string, { readonly atMs: number; readonly revision: Revision }>()
  readonly #log: DurableLog
  readonly #clock: Clock
  #assigned: Revision
  #failure: Error | undefined
  #timer: Timer | undefined
  #disposed = false

  constructor(log: DurableLog, recovered: Recovered, clock: Clock) {
    this.#log = log
    this.#clock = clock
    this.#history.restore(recovered.compacted, recovered.compacted)
    for (const record of recovered.records) {
      this.#history.apply(record)
      this.#noteExpiry(record)
    }
    this.#history.restore(recovered.compacted, Math.max(recovered.revision, this.#history.revision))
    this.#assigned = this.#history.revision
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

  async put(key: string, value: Uint8Array, options: PutOptions): Promise<Revision> {
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

  async compact(revision: Revision): Promise<void> {
    await this.#log.compact(revision, this.#history.compact(revision))
  }

  compactInTurn(revision: Revision): Promise<void> {
    return this.compact(revision)
  }

  problem(): string | undefined {
    return this.#failure?.message
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    this.#timer?.[Symbol.dispose]()
    await this.#log[Symbol.asyncDispose]()
    for (const { queue } of this.#watchers) queue.close()
  }

  async #write(
    key: string,
    value: Uint8Array | undefined,
    expected: Revision,
    expiresAtMs: number | undefined,
  ): Promise<Revision> {
    this.#refuseAfterFailure()
    const pending = this.#pending.get(key)
    const current =
      pending === undefined ? (this.#history.current(key)?.revision ?? 0) : pending.value === undefined ? 0 : pending.revision
    if (current !== expected) {
      // The winner may still be on its way; who lost to it should be shown what is then there.
      if (pending !== undefined) await this.#settled(pending)
      throw new RevisionConflict(key, this.#history.current(key))
    }
    const record: LogRecord = { revision: ++this.#assigned, key, value, ...(expiresAtMs !== undefined && { expiresAtMs }) }
    this.#pending.set(key, record)
    const appended = this.#log.append(record).then(() => this.#commit(record))
    this.#inFlight.set(record, appended)
    try {
      await appended
    } catch (error) {
      this.#fail(error)
      throw this.#failure
    } finally {
      this.#inFlight.delete(record)
      if (this.#pending.get(key) === record) this.#pending.delete(key)
    }
    return record.revision
  }

  readonly #inFlight = new Map<LogRecord, Promise<void>>()

  async #settled(record: LogRecord): Promise<void> {
    await this.#inFlight.get(record)?.catch(() => undefined)
  }

  #commit(record: LogRecord): void {
    const change = this.#history.apply(record)
    this.#noteExpiry(record)
    if (this.#expiring.has(record.key) && this.#timer === undefined) this.#armExpiry()
    for (const { prefix, queue } of this.#watchers) {
      if (!change.key.startsWith(prefix)) continue
      if (!queue.push(change)) queue.fail(new WatchOverflow(WATCH_BUFFER_CHANGES_MAX))
    }
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return
    const why = error instanceof Error ? error.message : String(error)
    this.#failure = new Error(`the store can not write any more and is read-only: ${why}`, { cause: error })
  }

  #refuseAfterFailure(): void {
    if (this.#disposed) throw new Error('the store is closed')
    if (this.#failure !== undefined) throw this.#failure
  }

  #noteExpiry({ key, expiresAtMs, revision }: LogRecord): void {
    if (expiresAtMs === undefined) this.#expiring.delete(key)
    else this.#expiring.set(key, { atMs: expiresAtMs, revision })
  }

  #armExpiry(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    if (this.#expiring.size === 0 || this.#disposed) return
    let earliestMs = Number.POSITIVE_INFINITY
    for (const { atMs } of this.#expiring.values()) earliestMs = Math.min(earliestMs, atMs)
    this.#timer = this.#clock.after(Math.max(0, earliestMs - this.#clock.now()), () => this.#expire())
  }

  #expire(): void {
    const nowMs = this.#clock.now()
    const due = [...this.#expiring].filter(([, { atMs }]) => atMs <= nowMs)
    for (const [key, { revision }] of due) {
      this.#expiring.delete(key)
      // An entry that changed meanwhile has a new end, or none.
      this.delete(key, revision).catch(() => undefined)
    }
    this.#armExpiry()
  }
}
