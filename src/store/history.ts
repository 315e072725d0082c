import { SortedMap } from '#base'
import { type Change, Compacted, type Entry, FutureRevision, type ListOptions, type Page, type Revision } from './store.ts'

/** One durable change as a log keeps it. `value` is undefined for a delete. */
export interface LogRecord {
  readonly revision: Revision
  readonly key: string
  readonly value: Uint8Array | undefined
  /** Milliseconds since the epoch at which the entry ends by itself. */
  readonly expiresAtMs?: number | undefined
}

/** Also the change that made it: one object stays of a write. */
export interface Version {
  readonly key: string
  readonly revision: Revision
  /** Undefined: deleted at this revision. */
  readonly value: Uint8Array | undefined
  readonly expiresAtMs: number | undefined
  /** What was there before, unless compaction has forgotten it. */
  readonly older: Version | undefined
}

/**
 * Keys in order, each with its versions since the last compaction, and the changes in order of revision. A clone costs nothing and goes its own way.
 *
 *     put a=1 (rev 1), put a=2 (rev 2), delete a (rev 3)   →   versions of a: gone(3) → '2'(2) → '1'(1)
 *     compact(2)                                           →   gone(3) → '2'(2); changes after 2 can still be watched
 */
export class History {
  readonly #versions: SortedMap<string, Version>
  /** What the changes since the last compaction made, where it is also the newest version of its key or older than that. */
  readonly #changes: SortedMap<Revision, Version>
  /** Of what ends by itself, by the time when it does. */
  readonly #expiring: SortedMap<string, string>
  #revision: Revision = 0
  #compacted: Revision = 0
  #changedBytes = 0

  constructor(
    versions = new SortedMap<string, Version>(),
    changes = new SortedMap<Revision, Version>(),
    expiring = new SortedMap<string, string>(),
  ) {
    this.#versions = versions
    this.#changes = changes
    this.#expiring = expiring
  }

  get revision(): Revision {
    return this.#revision
  }

  /** Reads at or above this revision succeed. */
  get compactedRevision(): Revision {
    return this.#compacted
  }

  /** Of the values that came since the last compaction: what history may cost, living or not. */
  get changedBytes(): number {
    return this.#changedBytes
  }

  /** Nodes made by the maps, whose work a clone is spared. */
  get nodesMade(): number {
    return this.#versions.nodesMade + this.#changes.nodesMade + this.#expiring.nodesMade
  }

  /** In constant time. */
  clone(): History {
    const copy = new History(this.#versions.clone(), this.#changes.clone(), this.#expiring.clone())
    copy.restore(this.#compacted, this.#revision)
    copy.#changedBytes = this.#changedBytes
    return copy
  }

  /** Where a log that was compacted earlier begins; before the first `apply`. */
  restore(compacted: Revision, revision: Revision): void {
    this.#compacted = compacted
    this.#revision = revision
  }

  /** Takes an entry as it stood at the compaction, which no watch can ask for any more. */
  keep({ revision, key, value, expiresAtMs }: LogRecord): void {
    this.#versions.set(key, { key, revision, value, expiresAtMs, older: undefined })
    if (expiresAtMs !== undefined) this.#expiring.set(expiryKey(expiresAtMs, revision), key)
  }

  /** Applies the next record; revisions only grow. Returns what it makes. */
  apply({ revision, key, value, expiresAtMs }: LogRecord): Version {
    const version: { -readonly [K in keyof Version]: Version[K] } = { key, revision, value, expiresAtMs, older: undefined }
    const older = this.#versions.set(key, version)
    version.older = older
    this.#changes.set(revision, version)
    if (older?.expiresAtMs !== undefined) this.#expiring.delete(expiryKey(older.expiresAtMs, older.revision))
    if (expiresAtMs !== undefined) this.#expiring.set(expiryKey(expiresAtMs, revision), key)
    this.#revision = revision
    this.#changedBytes += value?.byteLength ?? 0
    return version
  }

  current(key: string): Entry | undefined {
    const newest = this.#versions.get(key)
    return newest && entryOf(newest)
  }

  /** Of the newest value of `key`; 0 when it has none. */
  revisionOf(key: string): Revision {
    const newest = this.#versions.get(key)
    return newest?.value === undefined ? 0 : newest.revision
  }

  get(key: string, at: Revision | undefined): Entry | undefined {
    if (at === undefined) return this.current(key)
    this.#check(at)
    const version = versionAt(this.#versions.get(key), at)
    return version && entryOf(version)
  }

  list(prefix: string, { at, limit, after }: ListOptions): Page {
    if (at !== undefined) this.#check(at)
    const entries: Entry[] = []
    let remaining = 0
    const start = after === undefined || after < prefix ? prefix : `${after}\0`
    for (const [key, newest] of this.#versions.entries(start)) {
      if (!key.startsWith(prefix)) break
      const version = at === undefined ? newest : versionAt(newest, at)
      if (version?.value === undefined) continue
      if (limit && entries.length >= limit) remaining++
      else entries.push({ key, value: version.value, revision: version.revision })
    }
    return { entries, revision: at ?? this.#revision, remaining }
  }

  /** Changes under `prefix` after `since`, oldest first. Throws `Compacted` when some are gone. */
  changesAfter(since: Revision, prefix: string): Change[] {
    if (since < this.#compacted) throw new Compacted(since, this.#compacted)
    const found: Change[] = []
    for (const [, version] of this.#changes.entries(since + 1)) if (version.key.startsWith(prefix)) found.push(changeOf(version))
    return found
  }

  /** Forgets superseded versions up to and including `revision`. */
  compact(revision: Revision): void {
    if (revision > this.#revision) throw new FutureRevision(revision, this.#revision)
    if (revision <= this.#compacted) throw new Compacted(revision, this.#compacted)
    this.#compacted = revision
    const gone: Version[] = []
    for (const [at, version] of this.#changes.entries()) {
      if (at > revision) break
      gone.push(version)
    }
    for (const { key, revision: at, value, older } of gone) {
      this.#changes.delete(at)
      this.#changedBytes -= value?.byteLength ?? 0
      // Nothing was there before, and what is there now stays.
      if (older !== undefined || value === undefined) this.#forget(key, revision)
    }
  }

  /** The revision up to which history must be forgotten so that no more than `bytes` of changes stay, or so many changes are forgotten. */
  revisionForBytes(bytes: number, changesMax: number): Revision {
    let surplus = this.#changedBytes - bytes
    let revision = this.#compacted
    let changes = 0
    for (const [at, { value }] of this.#changes.entries()) {
      if (surplus <= 0 || changes++ >= changesMax) break
      revision = at
      surplus -= value?.byteLength ?? 0
    }
    return revision
  }

  get hasExpiring(): boolean {
    return this.#expiring.size > 0
  }

  /** What ends first. */
  firstExpiry(): Expiry | undefined {
    const first = this.#expiring.first()
    return first && expiryOf(first)
  }

  /** What should have ended by `nowMs`, earliest first. */
  expired(nowMs: number, limit: number): Expiry[] {
    const due: Expiry[] = []
    for (const entry of this.#expiring.entries()) {
      const expiry = expiryOf(entry)
      if (expiry.atMs > nowMs || due.length >= limit) break
      due.push(expiry)
    }
    return due
  }

  /** Takes all changes after `revision` back, one by one. */
  rewind(revision: Revision): void {
    this.#check(revision)
    const later = [...this.#changes.entries(revision + 1)].reverse()
    for (const [at, { key, value, older, expiresAtMs }] of later) {
      this.#changes.delete(at)
      this.#changedBytes -= value?.byteLength ?? 0
      if (expiresAtMs !== undefined) this.#expiring.delete(expiryKey(expiresAtMs, at))
      if (older === undefined) this.#versions.delete(key)
      else this.#versions.set(key, older)
      if (older?.expiresAtMs !== undefined) this.#expiring.set(expiryKey(older.expiresAtMs, older.revision), key)
    }
    this.#revision = revision
  }

  /** Everything needed to make it anew: entries as of the compaction in key order for `keep`, then later changes in order for `apply`. */
  *kept(): Generator<LogRecord, undefined> {
    for (const [, newest] of this.#versions.entries()) {
      const version = versionAt(newest, this.#compacted)
      if (version?.value !== undefined) yield recordOf(version)
    }
  }

  *applied(): Generator<LogRecord, undefined> {
    for (const [, version] of this.#changes.entries()) yield recordOf(version)
  }

  #forget(key: string, revision: Revision): void {
    const newest = this.#versions.get(key)
    if (newest === undefined) return
    const kept = withoutOlder(newest, revision)
    if (kept === undefined) this.#versions.delete(key)
    else if (kept !== newest) this.#versions.set(key, kept)
    else return
    // Else a change would hold what came before it.
    for (let version = kept; version !== undefined && version.revision > revision; version = version.older)
      this.#changes.set(version.revision, version)
  }

  #check(at: Revision): void {
    if (at < this.#compacted) throw new Compacted(at, this.#compacted)
    if (at > this.#revision) throw new FutureRevision(at, this.#revision)
  }
}

const entryOf = ({ key, value, revision }: Version): Entry | undefined =>
  value === undefined ? undefined : { key, value, revision }

const NOTHING = new Uint8Array()

export function changeOf({ key, value, revision, older }: Version): Change {
  const previous = older && entryOf(older)
  if (value !== undefined) return { type: 'put', key, value, revision, previous }
  return { type: 'delete', key, value: previous?.value ?? NOTHING, revision, previous }
}

const recordOf = ({ key, revision, value, expiresAtMs }: Version): LogRecord => ({
  revision,
  key,
  value,
  ...(expiresAtMs !== undefined && { expiresAtMs }),
})

function versionAt(newest: Version | undefined, at: Revision): Version | undefined {
  let version = newest
  while (version !== undefined && version.revision > at) version = version.older
  return version
}

/** The versions after `revision`, and the one that is visible at it unless that is a deletion. */
function withoutOlder(newest: Version, revision: Revision): Version | undefined {
  const later: Version[] = []
  let version: Version | undefined = newest
  for (; version !== undefined && version.revision > revision; version = version.older) later.push(version)
  let kept: Version | undefined
  if (version?.value !== undefined) kept = version.older === undefined ? version : { ...version, older: undefined }
  if (kept === version) return newest
  for (const each of later.reverse()) kept = { ...each, older: kept }
  return kept
}

/** An entry that ends by itself, unless it changes before. */
export interface Expiry {
  readonly atMs: number
  readonly key: string
  readonly revision: Revision
}

const expiryOf = ([expiry, key]: readonly [string, string]): Expiry => {
  const [atMs, revision] = expiry.split('/').map(Number)
  return { atMs: atMs!, revision: revision!, key }
}

/** Orders by time; the revision tells apart what ends together. */
const expiryKey = (atMs: number, revision: Revision): string =>
  `${String(Math.max(0, Math.ceil(atMs))).padStart(16, '0')}/${revision}`
