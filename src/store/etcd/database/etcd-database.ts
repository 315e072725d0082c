import { createHash } from 'node:crypto'
import type { ContentEntry, Entry, Revision, StoreContents } from '../../store.ts'
import { etcdCodec, type KeyValue } from '../messages.ts'
import { type BoltEntry, BoltError, BoltReader, type BoltSource } from './bolt-reader.ts'
import { writeBolt } from './bolt-writer.ts'

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
const REQUIRED_BUCKETS = [
  'alarm',
  'auth',
  'authRoles',
  'authUsers',
  'cluster',
  'key',
  'lease',
  'members',
  'members_removed',
  'meta',
]

/** Reads a snapshot of etcd, as its Maintenance API sends it or `etcdctl snapshot save` keeps it. Throws {@link BoltError} when it is not whole. */
export function readEtcdDatabase(snapshot: BoltSource, prefix = '/'): StoreContents {
  const reader = new BoltReader(withoutChecksum(snapshot))
  const leases = new Map<number, number>()
  for (const { value } of reader.entries('lease')) {
    const { id = 0, ttl = 0, remainingTtl = 0 } = etcdCodec.decode('StoredLease', value) as Partial<Record<string, number>>
    leases.set(id, remainingTtl || ttl)
  }
  const current = new Map<string, ContentEntry>()
  let revision = 0
  for (const { key: at, value } of reader.entries('key')) {
    if (at.length < REVISION_BYTES || at[8] !== SEPARATOR) throw new BoltError('a key is no revision')
    revision = Number(at.readBigUInt64BE(0))
    const { key = '', value: bytes = NOTHING, lease } = etcdCodec.decode('KeyValue', value) as KeyValue
    if (at[REVISION_BYTES] === TOMBSTONE) current.delete(key)
    else if (key.startsWith(prefix)) {
      const ttlSeconds = lease === undefined ? undefined : leases.get(lease)
      // A copy: what shares the memory of its page would keep all of that.
      current.set(key, { key, value: Buffer.from(bytes), revision, ...(ttlSeconds !== undefined && { ttlSeconds }) })
    }
  }
  const entries = [...current.values()].sort((a, b) => a.revision - b.revision)
  return { revision, entries }
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
 * Makes a snapshot of etcd from contents, with every entry at the revision it had. One revision more says that what was before is compacted, as
 * `etcdutl snapshot restore --bump-revision N --mark-compacted` has it: who watched an older store must list anew, and no revision comes twice.
 */
export function writeEtcdDatabase(contents: StoreContents, { bump }: { readonly bump: number }): Buffer {
  const last = contents.revision + bump
  const leases = new Leases()
  const entries = contents.entries
    .filter(({ key }) => key !== COMPACT_REVISION_KEY)
    .sort((a, b) => a.revision - b.revision)
    .map((entry): [Revision, KeyValue] => [entry.revision, { ...stored(entry), lease: leases.numberFor(entry.ttlSeconds) }])
  const note = { key: COMPACT_REVISION_KEY, value: Buffer.from(String(last - 1)), revision: last }
  entries.push([last, stored(note)])
  const buckets = new Map<string, BoltEntry[]>(REQUIRED_BUCKETS.map((name) => [name, []]))
  let [before, sub] = [0, 0]
  for (const [revision, value] of entries) {
    // Entries that one transaction wrote differ in the second number.
    sub = revision === before ? sub + 1 : 0
    before = revision
    buckets.get('key')!.push({ key: revisionKey(revision, sub), value: etcdCodec.encode('KeyValue', value) })
  }
  buckets.set('lease', leases.entries())
  const compacted = revisionKey(last - 1, 0)
  buckets.set('meta', [
    { key: Buffer.from('finishedCompactRev'), value: compacted },
    { key: Buffer.from('scheduledCompactRev'), value: compacted },
  ])
  const database = writeBolt(buckets)
  return Buffer.concat([database, createHash('sha256').update(database).digest()])
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
