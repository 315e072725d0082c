import { type Change, Compacted, type Entry, FutureRevision, type Page, type Revision } from './store.ts'

/** One durable change as a log keeps it. `value` is undefined for a delete. */
export interface LogRecord {
  readonly revision: Revision
  readonly key: string
  readonly value: Uint8Array | undefined
  /** Milliseconds since the epoch at which the entry ends by itself. */
  readonly expiresAtMs?: number | undefined
}

interface Version {
  readonly revision: Revision
  /** Undefined: deleted at this revision. */
  readonly value: Uint8Array | undefined
}

/**
 * Keys in order, each with its versions since the last compaction, and the changes in order of revision.
 *
 *     put a=1 (rev 1), put a=2 (rev 2), delete a (rev 3)   →   versions of a: [1:'1', 2:'2', 3:gone]
 *     compact(2)                                           →   [2:'2', 3:gone]; changes after 2 can still be watched
 */
export class History {
  #keys: string[] = []
  readonly #versions = new Map<string, Version[]>()
  #changes: Change[] = []
  #revision: Revision = 0
  #compacted: Revision = 0

  get revision(): Revision {
    return this.#revision
  }

  /** Reads at or above this revision succeed. */
  get compactedRevision(): Revision {
    return this.#compacted
  }

  /** Applies the next record; revisions only grow. Returns the change it makes. */
  apply(record: LogRecord): Change {
    const { revision, key, value } = record
    const previous = this.current(key)
    let versions = this.#versions.get(key)
    if (versions === undefined) {
      versions = []
      this.#versions.set(key, versions)
      this.#keys.splice(this.#lowerBound(key), 0, key)
    }
    versions.push({ revision, value })
    this.#revision = revision
    const change: Change = {
      type: value === undefined ? 'delete' : 'put',
      key,
      value: value ?? previous?.value ?? new Uint8Array(),
      revision,
      previous,
    }
    this.#changes.push(change)
    return change
  }

  /** Where a log that was compacted earlier begins; only before the first `apply`. */
  restore(compacted: Revision, revision: Revision): void {
    this.#compacted = compacted
    this.#revision = revision
  }

  current(key: string): Entry | undefined {
    const last = this.#versions.get(key)?.at(-1)
    return last?.value === undefined ? undefined : { key, value: last.value, revision: last.revision }
  }

  get(key: string, at: Revision | undefined): Entry | undefined {
    if (at === undefined) return this.current(key)
    this.#check(at)
    return this.#at(key, at)
  }

  list(
    prefix: string,
    { at, limit, after }: { at?: Revision | undefined; limit?: number | undefined; after?: string | undefined },
  ): Page {
    if (at !== undefined) this.#check(at)
    const entries: Entry[] = []
    let remaining = 0
    const start = after === undefined || after < prefix ? this.#lowerBound(prefix) : this.#lowerBound(`${after}\0`)
    for (let index = start; index < this.#keys.length; index++) {
      const key = this.#keys[index]!
      if (!key.startsWith(prefix)) break
      const entry = at === undefined ? this.current(key) : this.#at(key, at)
      if (entry === undefined) continue
      if (limit && entries.length >= limit) remaining++
      else entries.push(entry)
    }
    return { entries, revision: at ?? this.#revision, remaining }
  }

  /** Changes under `prefix` after `since`, oldest first. Throws `Compacted` when some are gone. */
  changesAfter(since: Revision, prefix: string): Change[] {
    if (since < this.#compacted) throw new Compacted(since, this.#compacted)
    let low = 0
    let high = this.#changes.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#changes[middle]!.revision <= since) low = middle + 1
      else high = middle
    }
    const found: Change[] = []
    for (let index = low; index < this.#changes.length; index++) {
      const change = this.#changes[index]!
      if (change.key.startsWith(prefix)) found.push(change)
    }
    return found
  }

  /** Forgets what is superseded at `revision`; returns the revisions of the records that no read can need any more. */
  compact(revision: Revision): Revision[] {
    if (revision > this.#revision) throw new FutureRevision(revision, this.#revision)
    if (revision <= this.#compacted) throw new Compacted(revision, this.#compacted)
    this.#compacted = revision
    const dropped: Revision[] = []
    const emptied: string[] = []
    // Only keys that changed since the previous compaction can have something to drop.
    const touched = new Set<string>()
    for (const change of this.#changes) {
      if (change.revision > revision) break
      touched.add(change.key)
    }
    for (const key of touched) {
      const versions = this.#versions.get(key)!
      const visible = versions.findLastIndex((version) => version.revision <= revision)
      const keepFrom = versions[visible]?.value === undefined ? visible + 1 : visible
      for (const version of versions.splice(0, Math.max(0, keepFrom))) dropped.push(version.revision)
      if (versions.length === 0) emptied.push(key)
    }
    this.#remove(emptied)
    this.#changes = this.#changes.filter((change) => change.revision > revision)
    return dropped
  }

  #remove(keys: readonly string[]): void {
    if (keys.length === 0) return
    for (const key of keys) this.#versions.delete(key)
    this.#keys = this.#keys.filter((key) => this.#versions.has(key))
  }

  #check(at: Revision): void {
    if (at < this.#compacted) throw new Compacted(at, this.#compacted)
    if (at > this.#revision) throw new FutureRevision(at, this.#revision)
  }

  #at(key: string, at: Revision): Entry | undefined {
    const version = this.#versions.get(key)?.findLast((each) => each.revision <= at)
    return version?.value === undefined ? undefined : { key, value: version.value, revision: version.revision }
  }

  #lowerBound(key: string): number {
    let low = 0
    let high = this.#keys.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#keys[middle]! < key) low = middle + 1
      else high = middle
    }
    return low
  }
}
