import assert from 'node:assert/strict'
import test from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { VirtualClock } from '#base'
import { History } from './history.ts'
import { LoggedStore, memoryLog } from './logged-store.ts'
import { openMemoryStore } from './memory/index.ts'
import { Compacted, FutureRevision, type Store } from './store.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)

const shown = async (store: Store): Promise<string[]> =>
  (await store.list('/')).entries.map(({ key, value, revision }) => `${key}=${Buffer.from(value)}@${revision}`)

test('a fork has all of the store, history and watches included, and then neither sees the other', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  const first = await store.put('/a', bytes('1'), { expected: 0 })
  await store.put('/b', bytes('1'), { expected: 0, ttlSeconds: 60 })
  await store.put('/a', bytes('2'), { expected: first })
  const forkClock = new VirtualClock()
  await using fork = store.fork!({ clock: forkClock })
  assert.deepEqual(await shown(fork), await shown(store))
  assert.equal(Buffer.from((await fork.get('/a', first))!.value).toString(), '1')

  await store.put('/mine', bytes('x'), { expected: 0 })
  await fork.put('/theirs', bytes('y'), { expected: 0 })
  await fork.put('/a', bytes('3'), { expected: 3 })
  await fork.compact(5)
  assert.deepEqual(await shown(store), ['/a=2@3', '/b=1@2', '/mine=x@4'])
  assert.deepEqual(await shown(fork), ['/a=3@5', '/b=1@2', '/theirs=y@4'])
  await store.get('/a', first)
  await assert.rejects(fork.get('/a', first), Compacted)
  const watch = store.watch('/', 3, new AbortController().signal)[Symbol.asyncIterator]()
  const { value } = await watch.next()
  assert.deepEqual([value!.type, 'key' in value! && value.key], ['put', '/mine'])
  await watch.return?.()

  await forkClock.advance(61_000)
  assert.equal(await fork.get('/b'), undefined)
  assert.ok(await store.get('/b'))
})

test('a fork at an earlier revision is the store as it was then', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  const states: string[][] = []
  for (let step = 0; step < 60; step++) {
    const key = `/k${step % 7}`
    const current = await store.get(key)
    if (current !== undefined && step % 3 === 0) await store.delete(key, current.revision)
    else await store.put(key, bytes(`${step}`), { expected: current?.revision ?? 0, ...(step % 5 === 0 && { ttlSeconds: 60 }) })
    states.push(await shown(store))
    if (step === 20) await store.compact(10)
  }
  for (let at = 10; at <= 60; at += 5) {
    const forkClock = new VirtualClock()
    await using fork = store.fork!({ clock: forkClock, at })
    assert.deepEqual([await shown(fork), fork.revision], [states[at - 1], at])
    assert.equal(await fork.put('/next', bytes('n'), { expected: 0 }), at + 1)
    await forkClock.advance(61_000)
    assert.ok(
      (await shown(fork)).every((entry) => !/=(0|5|\d*[05])@/.test(entry)),
      'what ends is known to end',
    )
  }
  assert.deepEqual(await shown(store), states.at(-1))
  assert.throws(() => store.fork!({ clock, at: 9 }), Compacted)
  assert.throws(() => store.fork!({ clock, at: 61 }), FutureRevision)
})

test('forking a store costs the same whatever it holds', async () => {
  const work = async (objects: number): Promise<number> => {
    const history = new History()
    await using store = new LoggedStore(memoryLog, history, new VirtualClock())
    for (let at = 0; at < objects; at++) await store.put(`/k${at}`, bytes('v'), { expected: 0 })
    const before = history.nodesMade
    const copied = store.state().nodesMade
    return copied + history.nodesMade - before
  }
  assert.equal(await work(10_000), await work(10))
})

test('history that costs too much memory is forgotten early, and only that', async () => {
  const clock = new VirtualClock()
  await using store = new LoggedStore(memoryLog, new History(), clock, 100_000)
  let revision = 0
  for (let at = 0; at < 500; at++) revision = await store.put('/same', Buffer.alloc(1_000), { expected: revision })
  await clock.advance(0)
  await assert.rejects(store.get('/same', 350), Compacted)
  assert.equal((await store.get('/same', 460))?.revision, 460)
  assert.ok(store.state().changedBytes <= 101_000)
})

test('a compaction lets go of what came before it, also where later changes of the same key stay', () => {
  const history = new History()
  // Older than the compaction, and held by nobody but what the store keeps.
  const held: WeakRef<Uint8Array>[] = []
  const put = (revision: number): void => {
    const value = new Uint8Array(64)
    if (revision <= 2) held.push(new WeakRef(value))
    history.apply({ revision, key: '/a', value })
  }
  for (let revision = 1; revision <= 6; revision++) put(revision)
  history.apply({ revision: 7, key: '/a', value: undefined })
  history.compact(3)
  assert.deepEqual(
    history.changesAfter(3, '/').map(({ type, revision, previous }) => [type, revision, previous?.revision]),
    [
      ['put', 4, 3],
      ['put', 5, 4],
      ['put', 6, 5],
      ['delete', 7, 6],
    ],
  )
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: { execution: 'async' }) => Promise<void>
  return collect({ execution: 'async' }).then(() => assert.ok(held.every((each) => each.deref() === undefined)))
})
