import { createHash } from 'node:crypto'
import type { ContentSink } from '../../content-spool.ts'
import type { ContentEntry, Entry, OrderedContents, Revision } from '../../store.ts'
import { etcdCodec, type KeyValue } from '../messages.ts'
import { type BoltEntry, BoltError, BoltReader, type BoltSource } from './bolt-reader.ts'
import { type BoltTarget, BoltWriter } from './bolt-writer.ts'
import { FileTarget } from './file-target.ts'

const SHA256_BYTES = 32
const READ_BYTES = 1024 * 1024
/** A database has whole pages, so a rest of this size is the checksum behind it. */
const SECTOR_BYTES = 512
const REVISION_BYTES = 17
const SEPARATOR = 0x5f
const TOMBSTONE = 0x74
/** Entries of one lease, as the store itself has them. */
const LEASE_ENTRIES_MAX = 1000
/** Where API servers note how far they have compacted; a key that etcd's users expect. */
const COMPACT_REVISION_KEY = 'compact_rev_key'
/** Which etcd expects beside those that hold something. */
const EMPTY_BUCKETS = ['alarm', 'auth', 'authRoles', 'authUsers', 'cluster', 'members', 'members_removed']

/**
 * Tells `sink` what a snapshot of etcd holds under `prefix`, as its Maintenance API sends it or `etcdctl snapshot save` keeps it: change by change, so that what is deleted or superseded
 * comes before. Values are views into their pages. Returns its revision. Throws {@link BoltError} when it is not whole.
 */
export function readEtcdDatabase(snapshot: BoltSource, sink: ContentSink, prefix = '/'): Revision {
  const reader = new BoltReader(withoutChecksum(snapshot))
  const leases = new Map<number, number>()
  for (const { value } of reader.entries('lease')) {
    const { id = 0, ttl = 0, remainingTtl = 0 } = etcdCodec.decode('StoredLease', value) as Partial<Record<string, number>>
    leases.set(id, remainingTtl || ttl)
  }
  let revision = 0
  for (const { key: at, value } of reader.entries('key')) {
    if (at.length < REVISION_BYTES || at[8] !== SEPARATOR) throw new BoltError('a key is no revision')
    revision = Number(at.readBigUInt64BE(0))
    const { key = '', value: bytes = NOTHING, lease } = etcdCodec.decode('KeyValue', value) as KeyValue
    if (!key.startsWith(prefix)) continue
    const ttlSeconds = lease === undefined ? undefined : leases.get(lease)
    if (at[REVISION_BYTES] === TOMBSTONE) sink.delete(key)
    else sink.put({ key, value: bytes, revision, ...(ttlSeconds !== undefined && { ttlSeconds }) })
  }
  return revision
}

/** What `etcdctl snapshot status` says of a snapshot. */
export interface EtcdDatabaseStatus {
  readonly hash: number
  readonly revision: Revision
  readonly keys: number
  readonly bytes: number
}

export function etcdDatabaseStatus(snapshot: BoltSource): EtcdDatabaseStatus {
  const database = withoutChecksum(snapshot)
  const reader = new BoltReader(database)
  let [hash, revision, keys] = [0, 0, 0]
  for (const bucket of reader.buckets()) {
    hash = crc32c(Buffer.from(bucket, 'latin1'), hash)
    for (const { key, value } of reader.entries(bucket)) {
      hash = crc32c(value, crc32c(key, hash))
      if (bucket === 'key') revision = Number(key.readBigUInt64BE(0))
      keys++
    }
  }
  return { hash, revision, keys, bytes: database.length }
}

/** As of which revision a snapshot is, which is not read through for that. */
export function etcdDatabaseRevision(snapshot: BoltSource): Revision {
  const last = new BoltReader(snapshot).last('key')
  return last === undefined || last.key.length < REVISION_BYTES ? 0 : Number(last.key.readBigUInt64BE(0))
}

/**
 * Makes a snapshot of etcd (0600) from contents, read one after the other, with every entry at the revision it had. One revision more says that what was before is compacted, as
 * `etcdutl snapshot restore --bump-revision N --mark-compacted` has it: who watched an older store must list anew, and no revision comes twice.
 */
export function writeEtcdDatabase(path: string, contents: OrderedContents, options: { readonly bump: number }): void {
  using target = new FileTarget(path)
  target.seal(layOutEtcdDatabase(target, contents, options))
}

/** Returns how many bytes it takes, without the checksum behind it. */
export function layOutEtcdDatabase(
  target: BoltTarget,
  { revision, entries }: OrderedContents,
  { bump }: { readonly bump: number },
): number {
  const last = revision + bump
  const leases = new Leases()
  const database = new BoltWriter(target)
  database.bucket('key', keyEntries(entries, last, leases))
  database.bucket('lease', leases.entries())
  const compacted = revisionKey(last - 1, 0)
  database.bucket('meta', [
    { key: Buffer.from('finishedCompactRev'), value: compacted },
    { key: Buffer.from('scheduledCompactRev'), value: compacted },
  ])
  for (const name of EMPTY_BUCKETS) database.bucket(name, [])
  return database.finish()
}

function* keyEntries(entries: Iterable<ContentEntry>, last: Revision, leases: Leases): Generator<BoltEntry> {
  let [before, sub] = [0, 0]
  for (const entry of entries) {
    if (entry.key === COMPACT_REVISION_KEY) continue
    // Entries that one transaction wrote differ in the second number.
    sub = entry.revision === before ? sub + 1 : 0
    before = entry.revision
    const value = { ...stored(entry), lease: leases.numberFor(entry.ttlSeconds) }
    yield { key: revisionKey(entry.revision, sub), value: etcdCodec.encode('KeyValue', value) }
  }
  const note = { key: COMPACT_REVISION_KEY, value: Buffer.from(String(last - 1)), revision: last }
  yield { key: revisionKey(last, 0), value: etcdCodec.encode('KeyValue', stored(note)) }
}

const stored = ({ key, value, revision }: Entry): KeyValue => ({
  key,
  value,
  createRevision: revision,
  modRevision: revision,
  version: 1,
})

/** Leases that entries share whose lives end in the same second. */
class Leases {
  readonly #all: { readonly id: number; readonly ttl: number; entries: number }[] = []
  readonly #open = new Map<number, { readonly id: number; entries: number }>()

  numberFor(ttlSeconds: number | undefined): number | undefined {
    if (ttlSeconds === undefined) return undefined
    const ttl = Math.max(1, Math.ceil(ttlSeconds))
    let lease = this.#open.get(ttl)
    if (lease === undefined || lease.entries >= LEASE_ENTRIES_MAX) {
      const made = { id: this.#all.length + 1, ttl, entries: 0 }
      this.#all.push(made)
      this.#open.set(ttl, made)
      lease = made
    }
    lease.entries++
    return lease.id
  }

  entries(): BoltEntry[] {
    return this.#all.map(({ id, ttl }) => {
      const key = Buffer.alloc(8)
      key.writeBigUInt64BE(BigInt(id))
      return { key, value: etcdCodec.encode('StoredLease', { id, ttl }) }
    })
  }
}

function revisionKey(main: Revision, sub: number): Buffer {
  const key = Buffer.alloc(REVISION_BYTES, SEPARATOR)
  key.writeBigUInt64BE(BigInt(main), 0)
  key.writeBigUInt64BE(BigInt(sub), 9)
  return key
}

function withoutChecksum(snapshot: BoltSource): BoltSource {
  const length = snapshot.length - SHA256_BYTES
  if (snapshot.length % SECTOR_BYTES !== SHA256_BYTES) throw new BoltError('it has no checksum at its end; it was cut off')
  const hash = createHash('sha256')
  for (let at = 0; at < length; at += READ_BYTES) hash.update(snapshot.read(at, Math.min(READ_BYTES, length - at)))
  if (!hash.digest().equals(snapshot.read(length, SHA256_BYTES)))
    throw new BoltError('its checksum is that of other bytes; it is damaged')
  return { length, read: (position, bytes) => snapshot.read(position, Math.min(bytes, length - position)) }
}

const CASTAGNOLI = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  return value >>> 0
})

function crc32c(bytes: Uint8Array, before = 0): number {
  let sum = ~before
  for (const byte of bytes) sum = (sum >>> 8) ^ CASTAGNOLI[(sum ^ byte) & 0xff]!
  return ~sum >>> 0
}

const NOTHING = new Uint8Array(0)
