import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { seededRandom } from '#base'
import type { ContentEntry, OrderedContents } from '../../store.ts'
import { type BoltEntry, BoltError, BoltReader, type BoltSource, BRANCH, FileSource, sourceOf } from './bolt-reader.ts'
import { BoltWriter } from './bolt-writer.ts'
import {
  etcdDatabaseRevision,
  etcdDatabaseStatus,
  layOutEtcdDatabase,
  readEtcdDatabase,
  writeEtcdDatabase,
} from './etcd-database.ts'

/** A database in memory, and how much of it has been written. */
function memory(): { write(bytes: Buffer, position: number): void; whole(): Buffer; written(): number } {
  const pieces = new Map<number, Buffer>()
  let written = 0
  return {
    write(bytes, position) {
      pieces.set(position, Buffer.from(bytes))
      written += bytes.length
    },
    whole: () => Buffer.concat([...pieces].sort(([a], [b]) => a - b).map(([, bytes]) => bytes)),
    written: () => written,
  }
}

function writeBolt(buckets: ReadonlyMap<string, readonly BoltEntry[]>): Buffer {
  const target = memory()
  const writer = new BoltWriter(target)
  for (const [name, entries] of buckets) writer.bucket(name, entries)
  assert.equal(writer.finish(), target.whole().length)
  return target.whole()
}

function snapshotOf(of: OrderedContents, options: { readonly bump: number }): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 't8s-etcd-'))
  try {
    const path = join(directory, 'etcd.db')
    writeEtcdDatabase(path, of, options)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    return readFileSync(path)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** What is left of what a snapshot tells. */
function contentsOf(source: BoltSource): { readonly revision: number; readonly entries: ContentEntry[] } {
  const entries = new Map<string, ContentEntry>()
  const revision = readEtcdDatabase(source, {
    put: (entry) => void entries.set(entry.key, entry),
    delete: (name) => void entries.delete(name),
  })
  return { revision, entries: [...entries.values()] }
}

const key = (index: number): Buffer => Buffer.from(String(index).padStart(8, '0'))

test('what is laid out as pages is read back, however large', () => {
  for (const count of [0, 1, 2, 100, 20_000]) {
    const entries = Array.from({ length: count }, (_, index) => ({ key: key(index), value: Buffer.alloc(index % 97, index) }))
    const large = [
      { key: key(0), value: Buffer.alloc(300_000, 7) },
      { key: key(1), value: Buffer.alloc(0) },
    ]
    const reader = new BoltReader(
      sourceOf(
        writeBolt(
          new Map([
            ['many', entries],
            ['large', large],
            ['empty', []],
          ]),
        ),
      ),
    )
    assert.deepEqual(reader.buckets(), ['empty', 'large', 'many'])
    assert.deepEqual([...reader.entries('many')], entries)
    assert.deepEqual([...reader.entries('large')], large)
    assert.deepEqual([...reader.entries('empty')], [])
    assert.deepEqual([...reader.entries('missing')], [])
    assert.deepEqual(
      ['many', 'large', 'empty', 'missing'].map((bucket) => reader.last(bucket)),
      [entries.at(-1), large[1], undefined, undefined],
    )
  }
})

const contents: { readonly revision: number; readonly entries: readonly ContentEntry[] } = {
  revision: 90,
  entries: [
    { key: '/registry/a', value: Buffer.from([0, 255, 1]), revision: 3 },
    { key: '/registry/events/e', value: Buffer.from('e'), revision: 40, ttlSeconds: 1800 },
    { key: '/registry/ü', value: Buffer.from(''), revision: 90 },
  ],
}

test('contents come back byte for byte, at their revisions, with what they have to live', () => {
  const snapshot = snapshotOf(contents, { bump: 1000 })
  const { revision, entries } = contentsOf(sourceOf(snapshot))
  assert.equal(revision, 1090)
  assert.deepEqual(entries, contents.entries)
  assert.equal(etcdDatabaseStatus(sourceOf(snapshot)).revision, 1090)
  assert.equal(etcdDatabaseRevision(sourceOf(snapshot)), 1090)
  const directory = mkdtempSync(join(tmpdir(), 't8s-etcd-'))
  try {
    writeFileSync(join(directory, 'etcd.db'), snapshot)
    using file = new FileSource(join(directory, 'etcd.db'))
    assert.deepEqual(contentsOf(file), { revision, entries })
    assert.deepEqual(etcdDatabaseStatus(file), etcdDatabaseStatus(sourceOf(snapshot)))
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('a tree that leads back into itself ends in an error', () => {
  const entries = Array.from({ length: 2_000 }, (_, index) => ({ key: key(index), value: Buffer.alloc(20) }))
  const database = writeBolt(new Map([['many', entries]]))
  const isBranch = (page: number): boolean => database.readUInt16LE(page * 4096 + 8) === BRANCH
  const branch = Array.from({ length: database.length / 4096 }, (_, page) => page).findLast(isBranch)!
  // Its first child is itself.
  database.writeBigUInt64LE(BigInt(branch), branch * 4096 + 16 + 8)
  assert.throws(() => [...new BoltReader(sourceOf(database)).entries('many')], /deeper than any tree|more pages than the file/)
})

test('a snapshot that is damaged or cut off anywhere is refused', () => {
  const snapshot = snapshotOf(contents, { bump: 1 })
  const random = seededRandom(1)
  for (let count = 0; count < 200; count++) {
    const damaged = Buffer.from(snapshot)
    damaged[random.int(damaged.length)]! ^= 1 + random.int(255)
    assert.throws(() => contentsOf(sourceOf(damaged)), BoltError)
    assert.throws(() => contentsOf(sourceOf(snapshot.subarray(0, random.int(snapshot.length)))), BoltError)
  }
})

test('bytes that only look like a database end in an error, and never in a loop', () => {
  const database = snapshotOf(contents, { bump: 1 }).subarray(0, -32)
  const random = seededRandom(2)
  let read = 0
  for (let count = 0; count < 2000; count++) {
    const damaged = Buffer.from(database)
    for (let index = 0; index < 4; index++) damaged[8192 + random.int(damaged.length - 8192)] = random.int(256)
    const sealed = Buffer.concat([damaged, createHash('sha256').update(damaged).digest()])
    try {
      contentsOf(sourceOf(sealed))
      read++
    } catch (error) {
      assert.ok(error instanceof Error && ['BoltError', 'ProtobufError'].includes(error.name), String(error))
    }
  }
  assert.ok(read > 0 && read < 2000)
})

test('a database is written while its entries are read, and no more than a few pages of it are kept', () => {
  const target = memory()
  const value = Buffer.alloc(2_000, 7)
  let [read, most] = [0, 0]
  const entries = function* (): Generator<ContentEntry> {
    for (let index = 1; index <= 20_000; index++) {
      yield { key: `/registry/pods/default/p-${index}`, value, revision: index }
      read += value.length
      most = Math.max(most, read - target.written())
    }
  }
  const length = layOutEtcdDatabase(target, { revision: 20_000, entries: entries() }, { bump: 1 })
  assert.ok(length > 40_000_000, `${length} bytes`)
  assert.ok(most < 16_384, `${most} bytes were kept`)
  assert.equal([...new BoltReader(sourceOf(target.whole())).entries('key')].length, 20_001)
})

test('what is in a database is told while its pages are read, and nothing is read ahead', () => {
  const value = Buffer.alloc(2_000, 7)
  const entries = Array.from({ length: 5_000 }, (_, index) => ({ key: `/registry/a-${index}`, value, revision: index + 1 }))
  const snapshot = snapshotOf({ revision: 5_000, entries }, { bump: 1 })
  let [reads, told, most] = [0, 0, 0]
  const source: BoltSource = {
    length: snapshot.length,
    read(position, length) {
      reads++
      return snapshot.subarray(position, position + length)
    },
  }
  readEtcdDatabase(source, {
    put() {
      // The checksum has been looked at before the first.
      if (told++ > 0) most = Math.max(most, reads)
      reads = 0
    },
    delete() {},
  })
  assert.equal(told, 5_000)
  // A leaf and the branches on the way to it, each perhaps with what it takes beyond a page.
  assert.ok(most <= 8, `${most} pages were read at once`)
})
