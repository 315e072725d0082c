import assert from 'node:assert/strict'
import test from 'node:test'
import { type Clock, seededRandom, VirtualClock } from '#base'
import { type Change, Compacted, FutureRevision, type Progress, RevisionConflict, type Store } from './store.ts'

export interface Backend {
  open(clock: Clock): Promise<Store>
  /** Opens what an earlier store of this backend kept; absent when it keeps nothing. */
  reopen?(clock: Clock): Promise<Store>
  /** How time passes for a backend that keeps its own; the others go by the clock they are given. */
  readonly time?: { readonly ttlSeconds: number; pass(ms: number): Promise<void> }
}

/** A time to live that a backend without a time of its own can be asked for. */
const TTL_SECONDS = 10

const bytes = (text: string): Uint8Array => Buffer.from(text)
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString()

/** The promises of {@link Store}, proved on one backend. `make` gives a fresh one for each test. */
export function storeConformance(name: string, make: () => Promise<Backend & AsyncDisposable>): void {
  const check = (title: string, body: (store: Store, clock: VirtualClock, backend: Backend) => Promise<void>): void => {
    test(`${name}: ${title}`, async () => {
      await using backend = await make()
      const clock = new VirtualClock()
      await using store = await backend.open(clock)
      await body(store, clock, backend)
    })
  }
  checkWrites(check)
  checkReads(check)
  checkWatches(check)
  checkModel(check)
  checkExpiry(check)
  checkReopen(name, make)
}

type Check = (title: string, body: (store: Store, clock: VirtualClock, backend: Backend) => Promise<void>) => void

function checkWrites(check: Check): void {
  check('a put is at once readable and revisions grow by one', async (store) => {
    const first = await store.put('/a', bytes('1'), { expected: 0 })
    const second = await store.put('/b', bytes('2'), { expected: 0 })
    assert.equal(second, first + 1)
    assert.equal(store.revision, second)
    assert.equal(text((await store.get('/a'))?.value), '1')
  })

  check('the latest revision is that of the last acknowledged write', async (store) => {
    const revision = await store.put('/a', bytes('1'), { expected: 0 })
    assert.equal(await store.latest(), revision)
    await store.delete('/a', revision)
    assert.deepEqual(await Promise.all([store.latest(), store.latest()]), [revision + 1, revision + 1])
  })

  check('a write on another revision is refused with the current entry', async (store) => {
    const revision = await store.put('/a', bytes('1'), { expected: 0 })
    const isConflict = (error: unknown): boolean => error instanceof RevisionConflict && error.current?.revision === revision
    await assert.rejects(store.put('/a', bytes('2'), { expected: 0 }), isConflict)
    await assert.rejects(store.put('/a', bytes('2'), { expected: revision + 1 }), isConflict)
    await assert.rejects(store.delete('/a', revision + 1), isConflict)
    await assert.rejects(store.delete('/none', 0), RevisionConflict)
    await assert.rejects(store.delete('/none', 3), RevisionConflict)
  })

  check('of many writers that read the same revision one wins', async (store) => {
    const base = await store.put('/a', bytes('0'), { expected: 0 })
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, i) => store.put('/a', bytes(`${i}`), { expected: base })),
    )
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
    const failed = results.filter((result) => result.status === 'rejected')
    assert.ok(failed.every(({ reason }) => reason instanceof RevisionConflict && reason.current?.revision === base + 1))
  })

  check('a deleted key is absent and can be created again', async (store) => {
    const revision = await store.put('/a', bytes('1'), { expected: 0 })
    await store.delete('/a', revision)
    assert.equal(await store.get('/a'), undefined)
    await store.put('/a', bytes('2'), { expected: 0 })
    assert.equal(text((await store.get('/a'))?.value), '2')
  })
}

function checkReads(check: Check): void {
  check('a list is in key order, pages are of one revision', async (store) => {
    for (const key of ['/p/c', '/p/a', '/q/x', '/p/b']) await store.put(key, bytes(key), { expected: 0 })
    const first = await store.list('/p/', { limit: 2 })
    assert.deepEqual([first.entries.map(({ key }) => key), first.remaining], [['/p/a', '/p/b'], 1])
    await store.put('/p/bb', bytes('new'), { expected: 0 })
    const second = await store.list('/p/', { limit: 2, after: '/p/b', at: first.revision })
    assert.deepEqual(
      second.entries.map(({ key }) => key),
      ['/p/c'],
    )
    assert.equal((await store.list('/p/')).entries.length, 4)
  })

  check('a long list comes whole, and a page of it knows what remains', async (store) => {
    const keys = Array.from({ length: 1203 }, (_, i) => `/p/${String(i).padStart(5, '0')}`)
    for (let at = 0; at < keys.length; at += 100)
      await Promise.all(keys.slice(at, at + 100).map((key) => store.put(key, bytes(key), { expected: 0 })))
    const all = await store.list('/p/')
    assert.deepEqual(
      all.entries.map(({ key, value }) => [key, text(value)]),
      keys.map((key) => [key, key]),
    )
    assert.equal(all.remaining, 0)
    const page = await store.list('/p/', { limit: 700, after: keys[99] })
    assert.deepEqual([page.entries.length, page.entries[0]!.key, page.remaining], [700, keys[100], 403])
  })

  check('old revisions can be read until they are compacted', async (store) => {
    const first = await store.put('/a', bytes('1'), { expected: 0 })
    const second = await store.put('/a', bytes('2'), { expected: first })
    const third = await store.put('/b', bytes('3'), { expected: 0 })
    assert.equal(text((await store.get('/a', first))?.value), '1')
    await store.compact(second)
    await assert.rejects(store.get('/a', first), (error) => error instanceof Compacted && error.oldest === second)
    await assert.rejects(store.list('/', { at: first }), Compacted)
    assert.equal(text((await store.get('/a', second))?.value), '2')
    await assert.rejects(store.compact(second), Compacted)
    await assert.rejects(store.compact(third + 1), FutureRevision)
    await assert.rejects(store.get('/a', third + 1), FutureRevision)
  })

  check('compaction drops deleted keys and keeps living ones', async (store) => {
    const a = await store.put('/a', bytes('1'), { expected: 0 })
    const b = await store.put('/b', bytes('1'), { expected: 0 })
    await store.delete('/a', a)
    await store.compact(store.revision)
    const page = await store.list('/')
    assert.deepEqual(
      page.entries.map(({ key, revision }) => [key, revision]),
      [['/b', b]],
    )
  })
}

function checkWatches(check: Check): void {
  check('a watch yields every later change once, in order, with what was there before', async (store) => {
    const first = await store.put('/p/a', bytes('1'), { expected: 0 })
    await using seen = collect(store, '/p/', first - 1)
    await using later = collect(store, '/p/', first)
    await store.put('/q/x', bytes('other'), { expected: 0 })
    const second = await store.put('/p/a', bytes('2'), { expected: first })
    const third = await store.delete('/p/a', second)
    const changes = await seen.take(3)
    assert.deepEqual(
      changes.map(({ type, revision }) => [type, revision]),
      [
        ['put', first],
        ['put', second],
        ['delete', third],
      ],
    )
    assert.equal(text(changes[2]!.value), '2')
    assert.equal(text(changes[1]!.previous?.value), '1')
    assert.equal(changes[0]!.previous, undefined)
    assert.deepEqual(
      (await later.take(2)).map(({ revision }) => revision),
      [second, third],
    )
  })

  check('a watch from a compacted revision is refused, one from the compaction itself is not', async (store) => {
    const first = await store.put('/a', bytes('1'), { expected: 0 })
    const second = await store.put('/a', bytes('2'), { expected: first })
    const third = await store.put('/a', bytes('3'), { expected: second })
    await store.compact(second)
    const iterator = store.watch('/', first, new AbortController().signal)[Symbol.asyncIterator]()
    await assert.rejects(iterator.next(), Compacted)
    await using seen = collect(store, '/', second)
    assert.deepEqual(
      (await seen.take(1)).map(({ revision }) => revision),
      [third],
    )
  })

  check('a watch ends when it is aborted', async (store) => {
    const controller = new AbortController()
    const ended = (async () => {
      for await (const _ of store.watch('/', store.revision, controller.signal));
    })()
    controller.abort()
    await ended
  })

  check('concurrent writers are seen in revision order without gaps', async (store) => {
    const before = store.revision
    await using seen = collect(store, '/', before)
    await Promise.all(Array.from({ length: 200 }, (_, i) => store.put(`/k${i}`, bytes(`${i}`), { expected: 0 })))
    const revisions = (await seen.take(200)).map(({ revision }) => revision)
    assert.deepEqual(
      revisions,
      Array.from({ length: 200 }, (_, i) => before + i + 1),
    )
  })
}

function checkModel(check: Check): void {
  check('random histories agree with a plain map at every revision', async (store) => {
    const random = seededRandom(7)
    const model = new Map<string, { value: string; revision: number }>()
    const snapshots: [number, [string, string][]][] = []
    for (let step = 0; step < 300; step++) {
      const key = `/k${random.int(12)}`
      const current = model.get(key)
      if (current !== undefined && random.int(3) === 0) {
        await store.delete(key, current.revision)
        model.delete(key)
      } else {
        const revision = await store.put(key, bytes(`${step}`), { expected: current?.revision ?? 0 })
        model.set(key, { value: `${step}`, revision })
      }
      snapshots.push([
        store.revision,
        [...model].map(([k, { value }]): [string, string] => [k, value]).sort(([a], [b]) => (a < b ? -1 : 1)),
      ])
      if (step === 150) await store.compact(store.revision - 20)
    }
    for (const [revision, expected] of snapshots.slice(-140)) {
      const { entries } = await store.list('/', { at: revision })
      assert.deepEqual(
        entries.map(({ key, value }) => [key, text(value)]),
        expected,
      )
    }
  })
}

function checkExpiry(check: Check): void {
  check('an entry with a time to live is deleted when it is over, unless it was renewed', async (store, clock, backend) => {
    const { ttlSeconds, pass } = timeOf(backend, clock)
    await using seen = collect(store, '/', store.revision)
    const first = await store.put('/event', bytes('1'), { expected: 0, ttlSeconds })
    await store.put('/other', bytes('1'), { expected: 0, ttlSeconds: 3 * ttlSeconds })
    await pass(900 * ttlSeconds)
    await store.put('/event', bytes('2'), { expected: first, ttlSeconds })
    await pass(900 * ttlSeconds)
    assert.equal(text((await store.get('/event'))?.value), '2')
    await pass(200 * ttlSeconds)
    const changes = await seen.take(4)
    assert.deepEqual([changes[3]!.type, changes[3]!.key], ['delete', '/event'])
    assert.equal(await store.get('/event'), undefined)
    assert.ok(await store.get('/other'))
  })
}

const timeOf = ({ time }: Backend, clock: VirtualClock): NonNullable<Backend['time']> =>
  time ?? { ttlSeconds: TTL_SECONDS, pass: (ms) => clock.advance(ms) }

function checkReopen(name: string, make: () => Promise<Backend & AsyncDisposable>): void {
  test(`${name}: what was acknowledged is there after reopening, history included`, async (context) => {
    await using backend = await make()
    const clock = new VirtualClock()
    if (backend.reopen === undefined) return context.diagnostic('keeps nothing')
    const store = await backend.open(clock)
    const first = await store.put('/a', bytes('1'), { expected: 0 })
    await store.put('/a', bytes('2'), { expected: first })
    const { ttlSeconds, pass } = timeOf(backend, clock)
    const gone = await store.put('/gone', bytes('x'), { expected: 0, ttlSeconds })
    await store.compact(first)
    const last = store.revision
    await store[Symbol.asyncDispose]()
    await using again = await backend.reopen(clock)
    assert.equal(again.revision, last)
    assert.equal(text((await again.get('/a'))?.value), '2')
    assert.equal(text((await again.get('/a', first))?.value), '1')
    assert.equal((await again.get('/gone'))?.revision, gone)
    await assert.rejects(again.compact(first), Compacted)
    assert.equal(await again.put('/b', bytes('3'), { expected: 0 }), last + 1)
    await using seen = collect(again, '/gone', last)
    await pass(1000 * ttlSeconds + 1000)
    assert.equal((await seen.take(1))[0]!.type, 'delete')
    assert.equal(await again.get('/gone'), undefined)
  })
}

/** Follows a watch in the background; `take` waits for the next changes. */
function collect(store: Store, prefix: string, since: number): AsyncDisposable & { take(count: number): Promise<Change[]> } {
  const controller = new AbortController()
  const iterator = store.watch(prefix, since, controller.signal)[Symbol.asyncIterator]()
  const next = async (): Promise<Change> => {
    for (;;) {
      const result: IteratorResult<Change | Progress> = await iterator.next()
      assert.ok(!result.done, 'the watch goes on')
      if (result.value.type !== 'progress') return result.value
    }
  }
  return {
    async take(count) {
      const changes: Change[] = []
      while (changes.length < count) changes.push(await next())
      return changes
    },
    async [Symbol.asyncDispose]() {
      controller.abort()
      await iterator.return?.()
    },
  }
}
