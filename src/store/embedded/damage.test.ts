import assert from 'node:assert/strict'
import test from 'node:test'
import { seededRandom } from '#base'
import { SimulatedDisk } from '#testing'
import type { Store } from '../store.ts'
import { DamagedStore } from './damage.ts'
import { bytes, openTestStore, path, shown } from './fixtures.ts'
import { encodeHeader, HEADER_BYTES } from './format.ts'

const LOG = path('00000000.log')

/** Three writes, one after the other, with all bytes that a value may hold. */
const threeWrites = () =>
  diskAfter(async (store) => {
    for (const key of ['/a', '/b', '/c']) await store.put(key, Buffer.alloc(700, `${key}\0\xff`, 'latin1'), { expected: 0 })
  })

const usedBytes = (file: Buffer): number => file.findLastIndex((byte) => byte !== 0) + 1

test('a last write that was cut off at any byte is left out in silence, and the one before is not', async () => {
  const files = await threeWrites()
  const whole = files.get(LOG)!
  const end = usedBytes(whole)
  const third = whole.lastIndexOf(whole.subarray(32, 40))
  assert.ok(end - third > 700 && third > 1400)
  for (let cut = third; cut < end; cut++) {
    const torn = Buffer.from(whole).fill(0, cut)
    const disk = new SimulatedDisk(new Map([[LOG, torn]]))
    await using store = await openTestStore(disk)
    // The mark at the end says nothing that the checksum does not.
    const expected = cut >= end - 8 ? 3 : 2
    assert.deepEqual([(await shown(store)).length, store.revision], [expected, expected], `cut at ${cut}`)
    if (cut % 8 !== 0) continue
    // What was left of it is gone, so that the next write is not mistaken for it.
    await store.put('/d', bytes('new'), { expected: 0 })
    await using again = await openTestStore(new SimulatedDisk(disk.files()))
    assert.deepEqual((await shown(again)).at(-1)!.slice(0, 2), ['/d', 'new'])
  }
})

test('a last write of which any sector is missing is left out', async () => {
  const files = await threeWrites()
  const whole = files.get(LOG)!
  const third = whole.lastIndexOf(whole.subarray(32, 40))
  for (let sector = Math.floor(third / 512); sector * 512 < usedBytes(whole); sector++) {
    const torn = Buffer.from(whole).fill(0, Math.max(third, sector * 512), (sector + 1) * 512)
    await using store = await openTestStore(new SimulatedDisk(new Map([[LOG, torn]])))
    assert.equal(store.revision, 2, `without sector ${sector}`)
  }
})

test('bits that changed are found, wherever they are, and named', async () => {
  const files = await diskAfter(async (store) => {
    for (let at = 0; at < 60; at++) await store.put(`/k${at % 20}`, Buffer.alloc(900, at), { expected: at < 20 ? 0 : at - 19 })
    await store.compact(40)
    for (let at = 60; at < 70; at++) await store.put(`/k${at % 20}`, Buffer.alloc(300, at), { expected: at - 19 })
  })
  assert.deepEqual([...files.keys()].map((name) => name.slice(-15)).sort().length, 2, 'a checkpoint and a log')
  const random = seededRandom(23)
  let found = 0
  for (const [name, file] of files) {
    const end = usedBytes(file)
    for (let round = 0; round < 300; round++) {
      const [at, bit] = [random.int(end), random.int(8)]
      const changed = Buffer.from(file)
      changed[at]! ^= 1 << bit
      const disk = new SimulatedDisk(new Map([...files, [name, changed]]))
      const opened = openTestStore(disk)
      // The mark behind the last frame of the log is the one place that is of no consequence.
      if (name.endsWith('.log') && at >= end - 8) {
        await using store = await opened
        assert.equal(store.revision, 70)
        continue
      }
      await assert.rejects(
        opened,
        (error) =>
          error instanceof DamagedStore &&
          error.file === name &&
          error.offset <= at &&
          error.message.includes(`${name} is damaged at byte ${error.offset}: `) &&
          error.message.includes("'t8s snapshot restore FILE"),
        `bit ${bit} of byte ${at} of ${name}`,
      )
      assert.equal(disk.opened, 0)
      found++
    }
  }
  assert.ok(found > 550)
})

test('the checksum that was expected, its place and its revisions are told', async () => {
  const files = await threeWrites()
  const changed = Buffer.from(files.get(LOG)!)
  changed[HEADER_BYTES + 100]! ^= 1
  await assert.rejects(
    openTestStore(new SimulatedDisk(new Map([[LOG, changed]]))),
    /00000000\.log is damaged at byte 512: the frame of revision 1 has the checksum [0-9a-f]{8} where [0-9a-f]{8} was expected, and a later frame follows \d+ bytes after it; what comes before ends at revision 0\. Restore/,
  )
  const last = Buffer.from(files.get(LOG)!)
  last[usedBytes(last) - 20]! ^= 1
  await assert.rejects(
    openTestStore(new SimulatedDisk(new Map([[LOG, last]]))),
    /the frame of revision 3 has the checksum .* was expected, and all of it had been written; what comes before ends at revision 2\./,
  )
})

test('files that were cut off, emptied, exchanged, renamed or removed are named', async () => {
  const work = (prefix: string) =>
    diskAfter(async (store) => {
      for (let at = 0; at < 60; at++) await store.put(`${prefix}${at}`, Buffer.alloc(1500, at), { expected: 0 })
    })
  const files = await work('/a')
  const [first, second] = [...files.keys()].sort()
  const size = files.get(first!)!.length
  const attempt = (change: (copy: Map<string, Buffer>) => void): Promise<unknown> => {
    const copy = new Map(files)
    change(copy)
    return openTestStore(new SimulatedDisk(copy))
  }
  const cases: readonly (readonly [RegExp, (copy: Map<string, Buffer>) => void])[] = [
    [
      /00000000\.log is damaged at byte 5000: the file ends within a frame/,
      (copy) => copy.set(first!, files.get(first!)!.subarray(0, 5000)),
    ],
    [/00000000\.log is damaged at byte 0: it is empty/, (copy) => copy.set(first!, Buffer.alloc(0))],
    [
      /00000000\.log is damaged at byte 0: it ends within its header/,
      (copy) => copy.set(first!, files.get(first!)!.subarray(0, 100)),
    ],
    [
      /00000000\.log is damaged at byte 0: it is no file of a store/,
      (copy) => copy.set(first!, Buffer.alloc(size, 'SQLite format 3')),
    ],
    [
      /00000001\.log is damaged at byte 0: it is number 0 where number 1 was expected/,
      (copy) => copy.set(second!, files.get(first!)!),
    ],
    [
      /00000000\.checkpoint is damaged at byte 0: it is a log where a checkpoint was expected/,
      (copy) => copy.set(path('00000000.checkpoint'), files.get(first!)!),
    ],
    [/00000001\.checkpoint is damaged at byte 0: the file is missing/, (copy) => copy.delete(first!)],
    [/00000001\.log is damaged at byte 0: the file is missing/, (copy) => copy.delete(second!)],
    [
      /00000001\.log is damaged at byte 512: the next change is of revision \d+ where \d+ was expected/,
      (copy) => copy.set(first!, withoutFrames(files.get(first!)!)),
    ],
  ]
  for (const [expected, change] of cases) await assert.rejects(attempt(change), expected)
  // Of another store that was made by another chance.
  const disk = new SimulatedDisk()
  await (await openTestStore(disk, { random: seededRandom(6) }))[Symbol.asyncDispose]()
  const foreign = Buffer.from(disk.files().get(LOG)!)
  const renumbered = encodeHeader({
    kind: 'log',
    store: foreign.subarray(16, 32),
    salt: foreign.subarray(32, 40),
    sequence: 1,
    compacted: 0,
    revision: 0,
  })
  await assert.rejects(
    attempt((copy) => copy.set(second!, Buffer.concat([renumbered, foreign.subarray(512)]))),
    /00000001\.log .*it belongs to another store/,
  )
  // What is not ours is not looked at.
  await ((await attempt((copy) => copy.set(path('notes.txt'), Buffer.from('mine')))) as AsyncDisposable)[Symbol.asyncDispose]()
})

test('a file of a newer version is refused, whole or not looked at', async () => {
  const files = await threeWrites()
  const header = Buffer.from(files.get(LOG)!.subarray(0, HEADER_BYTES))
  header.writeUInt32LE(3, 8)
  const { crc32 } = await import('node:zlib')
  header.writeUInt32LE(crc32(header.subarray(0, HEADER_BYTES - 4)), HEADER_BYTES - 4)
  const newer = new Map([[LOG, Buffer.concat([header, files.get(LOG)!.subarray(HEADER_BYTES)])]])
  await assert.rejects(
    openTestStore(new SimulatedDisk(newer)),
    /was written by a newer version of t8s \(format 3, this one knows 2\)/,
  )
})

const withoutFrames = (file: Buffer): Buffer => Buffer.from(file).fill(0, HEADER_BYTES)

/** What a disk holds once `work` was done on a new store. */
async function diskAfter(work: (store: Store) => Promise<unknown>): Promise<Map<string, Buffer>> {
  const disk = new SimulatedDisk()
  {
    await using store = await openTestStore(disk)
    await work(store)
  }
  return disk.files()
}
