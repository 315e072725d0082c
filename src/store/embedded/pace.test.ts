import assert from 'node:assert/strict'
import test from 'node:test'
import { VirtualClock } from '#base'
import { type DiskOperation, SimulatedDisk } from '#testing'
import type { Store } from '../store.ts'
import { openTestStore } from './fixtures.ts'
import { PIECE_BYTES } from './pace.ts'
import { SIZES } from './recover.ts'

const put = (store: Store, key: string, size: number): Promise<number> => store.put(key, Buffer.alloc(size, key), { expected: 0 })

/** The most that was written to one of the files that are being made before it was waited for. */
function mostWaitedFor(disk: SimulatedDisk): () => number {
  const unsynced = new Map<string, number>()
  let most = 0
  disk.fault = ({ kind, path, bytes, isDurable }) => {
    if (!path.endsWith('.new')) return undefined
    if (kind === 'sync') unsynced.delete(path)
    if (kind === 'write') {
      const before = unsynced.get(path) ?? 0
      most = Math.max(most, before + bytes!.length)
      if (!isDurable) unsynced.set(path, before + bytes!.length)
    }
    return undefined
  }
  return () => most
}

test('what is written beside commits is handed to the disk in pieces that a commit hardly waits for', async () => {
  const disk = new SimulatedDisk()
  const most = mostWaitedFor(disk)
  await using store = await openTestStore(disk, { sizes: SIZES })
  for (let at = 0; at < 100; at++) await put(store, `/k${at}`, 100 * 1024)
  await store.compact(store.revision)
  const names = [...disk.files().keys()]
  assert.ok(names.some((name) => name.endsWith('.checkpoint')) && names.some((name) => !name.endsWith('00000000.log')))
  // A frame of a checkpoint ends after the record that fills it.
  assert.ok(most() <= 1.25 * PIECE_BYTES, `${most()} bytes waited to be synced`)
})

test('a log is prepared in pieces as large as the frames that fill the one before', async () => {
  const disk = new SimulatedDisk()
  const pieces: number[] = []
  disk.fault = ({ kind, path, bytes }) => {
    if (kind === 'write' && path.endsWith('00000002.log.new')) pieces.push(bytes!.length)
    return undefined
  }
  {
    await using store = await openTestStore(disk, { sizes: SIZES })
    for (let at = 0; at < 8; at++) await put(store, `/k${at}`, 1024 * 1024)
  }
  assert.ok(pieces.length > 0, 'no log was prepared')
  // The header is the first.
  assert.ok(pieces.length <= 10, `16 MiB took ${pieces.length} writes, where a frame has 1 MiB`)
})

test('commits that come to the end of a log go on with what there is of the next', async () => {
  const disk = new SimulatedDisk()
  const clock = new VirtualClock()
  disk.fault = ({ kind, path }) =>
    kind === 'write' && path.endsWith('00000001.log.new') ? clock.sleep(100).then(() => undefined) : undefined
  let done = 0
  {
    await using store = await openTestStore(disk, { clock, sizes: SIZES })
    const writer = (async () => {
      for (; done < 45; done++) await put(store, `/k${done}`, 100 * 1024)
    })()
    await clock.advance(500)
    assert.ok(done < 45, 'the first log has no room for all of it')
    await clock.advance(500)
    assert.equal(done, 45)
    await writer
  }
  const { length } = disk.files().get('/store/00000001.log')!
  assert.ok(
    length >= SIZES.segmentBytesMin && length < 1.25 * SIZES.segmentBytesMin,
    `${length} bytes, where 8 MiB were intended`,
  )
  await using again = await openTestStore(new SimulatedDisk(disk.files()), { sizes: SIZES })
  assert.equal((await again.list('/')).entries.length, done)
})

test('while commits go on a checkpoint takes half of what they take, and waits for a log that is prepared', async () => {
  const disk = new SimulatedDisk()
  let [committed, checkpointed, isPreparing, between, writers] = [0, 0, false, 0, 2]
  const count = ({ kind, path, bytes }: DiskOperation): undefined => {
    if (path.endsWith('.log.new')) isPreparing = true
    if (kind === 'rename' && path.endsWith('.log')) isPreparing = false
    if (kind !== 'write') return
    if (path.endsWith('.log')) committed += bytes!.length
    if (!path.endsWith('.checkpoint.new')) return
    if (isPreparing) between += bytes!.length
    if (checkpointed === 0) committed = 0
    checkpointed += bytes!.length
    // A piece is written before it waits, and a frame may have been on its way.
    if (writers > 0)
      assert.ok(checkpointed <= committed / 2 + 2.5 * PIECE_BYTES, `${checkpointed} bytes beside ${committed} of commits`)
  }
  const failures: unknown[] = []
  disk.fault = (operation) => {
    try {
      count(operation)
    } catch (error) {
      failures.push(error)
    }
    return undefined
  }
  await using store = await openTestStore(disk, { sizes: SIZES })
  for (let at = 0; at < 100; at++) await put(store, `/old-${at}`, 100 * 1024)
  const compacted = store.compact(store.revision)
  const writer = async (name: string): Promise<void> => {
    for (let at = 0; at < 150; at++) await put(store, `/${name}-${at}`, 50 * 1024)
    writers--
  }
  await Promise.all([writer('a'), writer('b')])
  // Nothing keeps it up when nobody writes.
  await compacted
  assert.deepEqual(failures, [])
  assert.ok(checkpointed > 10_000_000, `${checkpointed} bytes were checkpointed`)
  assert.ok(committed > 8_000_000, `the writers were held up: ${committed} bytes`)
  assert.ok(between <= 1.25 * PIECE_BYTES, `${between} bytes were written while a log was prepared`)
})
