import type { Clock } from '#base'

/** Position in the log of changes. Starts at 1; 0 means "absent" as an expectation and "from the start" nowhere. */
export type Revision = number

/**
 * An ordered log of revisions over a flat key space: what every backend keeps and `conformance.ts` proves.
 * Values are opaque here. Kinds, versions and JSON belong to the API server.
 */
export interface Store extends AsyncDisposable {
  /** Whether other processes write to it too. */
  readonly isShared: boolean
  /** The newest revision that this process has heard of; its change is durable and visible to reads. */
  readonly revision: Revision
  /** A revision no older than any write that was acknowledged, to whomever, before the call. */
  latest(): Promise<Revision>
  /** Reads one key, at `at` or at the latest revision. Throws `Compacted` when that revision is gone. */
  get(key: string, at?: Revision): Promise<Entry | undefined>
  /** Reads keys under `prefix` in key order, all from one revision. Throws `Compacted` when that revision is gone. */
  list(prefix: string, options?: ListOptions): Promise<Page>
  /**
   * Writes if the key is still at `expected` (0: absent); otherwise throws `RevisionConflict` with the current entry.
   * Resolves once the change is durable; by then reads and watches of this store show it.
   */
  put(key: string, value: Uint8Array, options: PutOptions): Promise<Revision>
  /** Removes if the key is still at `expected`; otherwise throws `RevisionConflict`. The watch event carries the last value. */
  delete(key: string, expected: Revision): Promise<Revision>
  /**
   * Yields every change under `prefix` after `since`, once each, in revision order, with progress marks between.
   * Throws `Compacted` when changes after `since` are gone, `WatchOverflow` when the consumer falls behind the bound.
   */
  watch(prefix: string, since: Revision, signal: AbortSignal): AsyncIterable<Change | Progress>
  /** Forgets superseded entries up to and including `revision`. Later reads below it throw `Compacted`. */
  compact(revision: Revision): Promise<void>
  /** Copies all of one moment into a file that is not there yet, in the backend's own form. */
  snapshot?(file: string): Promise<void>
  /** The same store in memory, which goes its own way from here on: neither sees what is written to the other. For backends that hold all in memory. */
  fork?(options: ForkOptions): Store
  /** Compacts like `compact`, unless another process that shares the store has done so since this one last called. */
  compactInTurn(revision: Revision): Promise<void>
  /** Why the store can't be relied on now, in one sentence; undefined when all is well. */
  problem(): string | undefined
}

export interface Entry {
  readonly key: string
  readonly value: Uint8Array
  /** Of the change that wrote this value. */
  readonly revision: Revision
  /** Why `value` is not what was put, where a layer above the backend could not read what is stored. */
  readonly problem?: Error | undefined
}

/** All of a store as of one moment, whatever kept it, in order of revision; may be read only once, and is not all in memory. */
export interface OrderedContents {
  readonly revision: Revision
  readonly entries: Iterable<ContentEntry>
}

export interface ContentEntry extends Entry {
  /** Seconds that it has still to live; absent: for ever. */
  readonly ttlSeconds?: number | undefined
}

export interface ListOptions {
  readonly at?: Revision | undefined
  /** At most this many entries; 0 or absent: all. */
  readonly limit?: number | undefined
  /** Only keys after this one. */
  readonly after?: string | undefined
}

export interface Page {
  readonly entries: readonly Entry[]
  /** The revision that the page shows. */
  readonly revision: Revision
  /** Keys under the prefix beyond this page. */
  readonly remaining: number
}

export interface ForkOptions {
  /** By which its entries end. */
  readonly clock: Clock
  /** Shows the store as of this revision; the newest by default. Throws `Compacted` when that is gone. */
  readonly at?: Revision | undefined
}

export interface PutOptions {
  readonly expected: Revision
  /** Seconds after which the entry is deleted by the store (Events). */
  readonly ttlSeconds?: number | undefined
}

export interface Change {
  readonly type: 'put' | 'delete'
  readonly key: string
  /** The new value, or for a delete the last one. */
  readonly value: Uint8Array
  /** Revision of the change itself. */
  readonly revision: Revision
  /** The value before this change, with its revision; absent when the key was created. */
  readonly previous: Entry | undefined
  /** As of an {@link Entry}. */
  readonly problem?: Error | undefined
  /** The next change is of the same revision: entries that ended together were deleted together. */
  readonly more?: true
}

/** Every change up to `revision` has been yielded. */
export interface Progress {
  readonly type: 'progress'
  readonly revision: Revision
}

export class RevisionConflict extends Error {
  override readonly name = 'RevisionConflict'
  readonly current: Entry | undefined

  constructor(key: string, current: Entry | undefined) {
    super(`${key} is at revision ${current?.revision ?? 0}`)
    this.current = current
  }
}

export class Compacted extends Error {
  override readonly name = 'Compacted'
  readonly oldest: Revision

  constructor(requested: Revision, oldest: Revision) {
    super(`revision ${requested} has been compacted; the oldest is ${oldest}`)
    this.oldest = oldest
  }
}

/** A read asked for a revision the store has not reached. */
export class FutureRevision extends Error {
  override readonly name = 'FutureRevision'

  constructor(requested: Revision, newest: Revision) {
    super(`revision ${requested} is in the future; the newest is ${newest}`)
  }
}

export class WatchOverflow extends Error {
  override readonly name = 'WatchOverflow'

  constructor(bound: number) {
    super(`the watcher fell more than ${bound} changes behind`)
  }
}

/** `Unavailable`: whether a write that failed so had its effect is unknown. After `NoSpace` and `Unauthenticated` it had none. */
export type StoreFailureReason = 'Unavailable' | 'NoSpace' | 'Unauthenticated' | 'Refused'

/** The store could not do what it was asked, for a reason of its own. */
export class StoreFailure extends Error {
  override readonly name = 'StoreFailure'
  readonly reason: StoreFailureReason

  constructor(reason: StoreFailureReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}
