import assert from 'node:assert/strict'
import test from 'node:test'
import { settle, VirtualClock } from '#base'
import { errno, SimulatedDisk } from '#testing'
import { RevisionConflict, type Store, StoreFailure } from '../store.ts'
import { bytes, openTestStore, shown } from './fixtures.ts'
import { SIZES } from './recover.ts'

const isFailure =
  (reason: StoreFailure['reason'], message = /./) =>
  (error: unknown): boolean =>
    error instanceof StoreFailure && error.reason === reason && message.test(error.message)

const put = (store: Store, key: string, size = 900): Promise<number> => store.put(key, Buffer.alloc(size, key), { expected: 0 })

test('before the disk is full creating and changing are refused and deleting is not, until there is space again', async () => {
  const disk = new SimulatedDisk()
  const clock = new VirtualClock()
  disk.capacityBytes = 200_000
  await using store = await openTestStore(disk, { clock })
  let written = 0
  const refused = await (async () => {
    for (;;) {
      try {
        await put(store, `/k${written}`)
        written++
        await settle()
      } catch (error) {
        return error
      }
    }
  })()
  assert.ok(
    isFailure(
      'NoSpace',
      /^the disk of \/store is almost full \(.* MB free, .* MB needed\): nothing can be created or changed/,
    )(refused),
  )
  assert.ok(written > 60 && disk.usedBytes < disk.capacityBytes, 'there is a reserve')
  assert.match(store.problem()!, /almost full/)
  assert.equal(store.revision, written, 'no revision was lost')
  assert.equal((await store.list('/')).entries.length, written)
  // A reserve is kept for this.
  for (let at = 0; at < written - 5; at++) await store.delete(`/k${at}`, at + 1)
  // Somebody makes room.
  disk.capacityBytes = 1_000_000
  await clock.advance(5_000)
  assert.equal(store.problem(), undefined)
  await put(store, '/again')
  await using again = await openTestStore(new SimulatedDisk(disk.files()))
  assert.deepEqual(await shown(again), await shown(store))
})

test('a store that is almost full of what was deleted gives the space back when history is forgotten, and goes on', async () => {
  const disk = new SimulatedDisk()
  const clock = new VirtualClock()
  disk.capacityBytes = 400_000
  await using store = await openTestStore(disk, {
    clock,
    sizes: { segmentBytesMin: 16_384, segmentBytesMax: 16_384, logBytesBeforeCheckpoint: 24 * 1024 },
  })
  while (store.problem() === undefined) {
    const revision = await put(store, '/same', 2_000).catch(() => undefined)
    if (revision === undefined) break
    await store.delete('/same', revision)
    await settle()
  }
  assert.match(store.problem()!, /almost full/)
  disk.capacityBytes += disk.usedBytes
  const before = disk.usedBytes
  await store.compact(store.revision)
  assert.ok(disk.usedBytes < before / 4, `${disk.usedBytes} of ${before} bytes are still taken`)
  assert.equal(store.problem(), undefined)
  await put(store, '/same')
})

test('a disk that refuses a write for want of space has not taken it, and is asked again once there is some', async () => {
  const disk = new SimulatedDisk()
  const clock = new VirtualClock()
  await using store = await openTestStore(disk, { clock })
  await put(store, '/a')
  let refusals = 1
  // The half that was written before is of no consequence either.
  disk.fault = (operation) => {
    if (operation.kind !== 'write' || refusals-- <= 0) return undefined
    const { bytes: whole, position, path: file } = operation
    return (async () => {
      const half = await disk.open(file, 'durable')
      await half.write(whole!.subarray(0, 500), position!)
      await half[Symbol.asyncDispose]()
      throw errno('ENOSPC', 'no space left on device, write')
    })()
  }
  const results = await Promise.allSettled([put(store, '/b'), put(store, '/c')])
  assert.ok(results.every((result) => result.status === 'rejected' && isFailure('Unavailable')(result.reason)))
  assert.equal(store.revision, 1)
  await assert.rejects(put(store, '/d'), isFailure('NoSpace'))
  await clock.advance(5_000)
  assert.equal(await put(store, '/e', 10), 2)
  await using again = await openTestStore(new SimulatedDisk(disk.files()))
  assert.deepEqual(
    (await shown(again)).map(([key]) => key),
    ['/a', '/e'],
  )
})

test('after a failed sync nothing is acknowledged any more, what was is readable, and the operator is told', async () => {
  const disk = new SimulatedDisk()
  await using store = await openTestStore(disk)
  await put(store, '/a')
  disk.fault = ({ kind }) => (kind === 'write' ? Promise.reject(errno('EIO', 'i/o error, write')) : undefined)
  const results = await Promise.allSettled([put(store, '/b'), put(store, '/c'), store.delete('/a', 1)])
  assert.ok(results.every((result) => result.status === 'rejected' && isFailure('Unavailable')(result.reason)))
  // A later call would succeed, and says nothing of what the kernel has given up before.
  disk.fault = () => undefined
  const message =
    /can not write any more and is read-only: \/store\/00000000\.log could not be written \(EIO: i\/o error, write\); .* Look after the disk, then start t8s again/
  await assert.rejects(put(store, '/d'), isFailure('Refused', message))
  await assert.rejects(store.compact(1), isFailure('Refused', message))
  assert.match(store.problem()!, message)
  assert.deepEqual([(await shown(store)).map(([key]) => key), store.revision], [['/a'], 1])
})

test('writes follow one another while they are on their way, and who loses to one is shown what is there once it is settled', async () => {
  const disk = new SimulatedDisk()
  await using store = await openTestStore(disk)
  const lost = (current: number | undefined) => (error: unknown) =>
    error instanceof RevisionConflict && error.current?.revision === current
  const row = [put(store, '/a'), store.put('/a', bytes('2'), { expected: 1 }), store.delete('/a', 2), put(store, '/a')]
  await assert.rejects(put(store, '/a'), lost(4))
  await assert.rejects(store.delete('/a', 2), lost(4))
  assert.deepEqual(await Promise.all(row), [1, 2, 3, 4])
  const gone = store.delete('/a', 4)
  await assert.rejects(store.put('/a', bytes('5'), { expected: 4 }), lost(undefined))
  assert.equal(await gone, 5)
  await put(store, '/b')
  disk.fault = ({ kind }) => (kind === 'write' ? Promise.reject(errno('EIO', 'i/o error, write')) : undefined)
  const failed = assert.rejects(store.put('/b', bytes('7'), { expected: 6 }), isFailure('Unavailable'))
  await assert.rejects(store.delete('/b', 6), lost(6))
  await failed
})

test('a disk that takes a few bytes at a time gets all of them', async () => {
  const disk = new SimulatedDisk()
  disk.fault = ({ kind, bytes: asked }) =>
    kind === 'write' ? Promise.resolve({ written: Math.min(asked!.length, 5_000) }) : undefined
  await using store = await openTestStore(disk)
  await Promise.all(Array.from({ length: 40 }, (_, at) => put(store, `/k${at}`)))
  await using again = await openTestStore(new SimulatedDisk(disk.files()))
  assert.equal((await shown(again)).length, 40)
  disk.fault = ({ kind }) => (kind === 'write' ? Promise.resolve({ written: 0 }) : undefined)
  await assert.rejects(put(store, '/never'), isFailure('Unavailable', /the disk took none of what was to be written/))
})

test('on a slow disk all who wait go together, and readiness tells of a write that takes too long', async () => {
  const disk = new SimulatedDisk()
  const clock = new VirtualClock()
  await using store = await openTestStore(disk, { clock, sizes: SIZES })
  let writes = 0
  disk.fault = ({ kind }) => {
    if (kind !== 'write') return undefined
    writes++
    return clock.sleep(100).then(() => undefined)
  }
  let done = 0
  for (let at = 0; at < 500; at++) void put(store, `/k${at}`, 20).then(() => done++)
  await clock.advance(200)
  assert.deepEqual([done, writes <= 2], [500, true], `${done} writes in ${writes}`)
  disk.fault = ({ kind }) => (kind === 'write' ? clock.sleep(20_000).then(() => undefined) : undefined)
  const slow = put(store, '/slow')
  await clock.advance(9_000)
  assert.equal(store.problem(), undefined)
  await clock.advance(3_000)
  assert.equal(store.problem(), 'the disk of /store has not confirmed a write for 12 s')
  await clock.advance(9_000)
  assert.equal(await slow, 501)
  assert.equal(store.problem(), undefined)
})

test('what waits for a disk that does not answer has a bound', async () => {
  const disk = new SimulatedDisk()
  const clock = new VirtualClock()
  await using store = await openTestStore(disk, { clock, sizes: SIZES })
  const large = Buffer.alloc(9 * 1024 * 1024)
  disk.fault = ({ bytes: written }) =>
    written !== undefined && written.length > large.length ? clock.sleep(1_000).then(() => undefined) : undefined
  const write = (at: number): Promise<number> => store.put(`/large${at}`, large, { expected: 0 })
  const waiting = [write(0)]
  await settle()
  for (let at = 1; at <= 8; at++) waiting.push(write(at))
  await assert.rejects(put(store, '/more'), isFailure('Unavailable', /does not keep up/))
  await clock.advance(60_000)
  await Promise.all(waiting)
  await put(store, '/more')
})

test('a clock that jumps deletes nothing before its time has passed, and all of it then', async () => {
  const clock = new VirtualClock()
  let jumpMs = 0
  const jumping = {
    now: () => clock.now() + jumpMs,
    monotonic: () => clock.monotonic(),
    sleep: clock.sleep.bind(clock),
    after: clock.after.bind(clock),
  }
  await using store = await openTestStore(new SimulatedDisk(), { clock: jumping })
  await store.put('/event', bytes('1'), { expected: 0, ttlSeconds: 60 })
  jumpMs = -3_600_000
  await clock.advance(61_000)
  assert.ok(await store.get('/event'), 'by the clock as it is now its hour has not come')
  await clock.advance(3_600_000)
  assert.equal(await store.get('/event'), undefined)
  await store.put('/event', bytes('2'), { expected: 0, ttlSeconds: 60 })
  jumpMs = 3_600_000
  await clock.advance(61_000)
  assert.equal(await store.get('/event'), undefined)
})

test('a directory that may not be used is named', async () => {
  const { openEmbeddedStore } = await import('./index.ts')
  const disk = new SimulatedDisk()
  disk.makeDirectory = () => Promise.reject(errno('EACCES', "permission denied, mkdir '/store'"))
  await assert.rejects(
    openEmbeddedStore({ directory: '/store', clock: new VirtualClock(), disk }),
    /the store's directory \/store cannot be used: EACCES: permission denied.*; it must belong to who runs t8s/,
  )
})
