import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps } from '#api'
import { nextTurn } from '#base'
import type { WatchFrame } from '#client'
import type { KubernetesObject } from '#meta'
import { Presenter } from '../presentation/presenter.ts'
import { encodeForStore, versionOf } from '../registry/object-version.ts'
import { Rounds } from './rounds.ts'
import { type Backlog, WATCH_BUFFER_FRAMES_MAX, Watcher } from './watcher.ts'

const presenter = (): Presenter =>
  new Presenter(configMaps, { as: 'object', encoding: 'json', pretty: false, version: 'v1' }, new URLSearchParams(), () => 0)

const object: KubernetesObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' } }
const stored = encodeForStore(object)

const delivery = (revision: number) =>
  ({ type: 'MODIFIED', revision, version: versionOf('default/a', { revision, value: stored }) }) as const

const revisionOf = (frame: WatchFrame): number => Number((frame.object as KubernetesObject).metadata?.resourceVersion)

/** Keeps what it takes, as often as it is `willing`. */
class Taker {
  readonly batches: number[][] = []
  readonly frames: WatchFrame[] = []
  willing = true
  ended: { readonly error: unknown } | undefined

  take(frames: readonly WatchFrame[]): boolean {
    this.batches.push(frames.map(revisionOf))
    this.frames.push(...frames)
    return this.willing
  }

  end(error?: unknown): void {
    this.ended = { error }
  }
}

/** As many rounds as there may be. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await nextTurn()
}

function pushed(backlog?: Backlog): { watcher: Watcher; taker: Taker; watch: ReturnType<Watcher['pushTo']> } {
  const watcher = new Watcher(presenter(), new Rounds(), 0, backlog)
  const taker = new Taker()
  return { watcher, taker, watch: watcher.pushTo(taker) }
}

test('what comes in one turn of the event loop is handed over together', async () => {
  const { watcher, taker } = pushed()
  for (const revision of [1, 2, 3]) watcher.deliver(delivery(revision))
  assert.deepEqual(taker.batches, [], 'not in the middle of the turn')
  await settled()
  watcher.deliver(delivery(4))
  await settled()
  assert.deepEqual(taker.batches, [[1, 2, 3], [4]])
})

test('a client that takes no more is handed nothing until it does, and then all that waited, in order', async () => {
  const { watcher, taker, watch } = pushed()
  taker.willing = false
  watcher.deliver(delivery(1))
  await settled()
  for (const revision of [2, 3]) watcher.deliver(delivery(revision))
  await settled()
  assert.deepEqual(taker.batches, [[1]])
  taker.willing = true
  watch.resume()
  await settled()
  assert.deepEqual(taker.batches, [[1], [2, 3]])
})

test('one that takes nothing is cut off at the bound: what waited is dropped, and it ends when it takes again', async () => {
  const { watcher, taker, watch } = pushed()
  taker.willing = false
  for (let revision = 1; revision <= WATCH_BUFFER_FRAMES_MAX; revision++) {
    watcher.deliver(delivery(revision))
    if (revision === 1) await settled()
  }
  let released = false
  watcher.own({ [Symbol.dispose]: () => void (released = true) })
  watcher.deliver(delivery(WATCH_BUFFER_FRAMES_MAX + 1))
  assert.ok(!released, 'as many as the bound may wait')
  watcher.deliver(delivery(WATCH_BUFFER_FRAMES_MAX + 2))
  assert.ok(released)
  await settled()
  assert.equal(taker.ended, undefined)
  watch.resume()
  await settled()
  assert.deepEqual(taker.ended, { error: undefined })
  assert.deepEqual(taker.batches, [[1]])
})

test('the past goes before what is live, is made no faster than it is taken, and in pieces of a size', async () => {
  let made = 0
  const frame = (revision: number): WatchFrame => ({
    type: 'ADDED',
    object: { metadata: { resourceVersion: String(revision) } },
    bytes: () => Buffer.alloc(10_000),
  })
  const backlog = (function* () {
    for (let revision = 1; revision <= 20; revision++) {
      made++
      yield revision === 5 ? undefined : frame(revision)
    }
  })()
  const { watcher, taker, watch } = pushed(backlog)
  taker.willing = false
  watcher.deliver(delivery(21))
  await settled()
  assert.deepEqual(taker.batches, [[1, 2, 3, 4]])
  assert.equal(made, 4)
  taker.willing = true
  watch.resume()
  await settled()
  assert.deepEqual(
    taker.batches.flat(),
    Array.from({ length: 21 }, (_, at) => at + 1).filter((revision) => revision !== 5),
  )
  assert.ok(taker.batches.every((batch) => batch.length <= 4))
})

test('a watch that breaks tells its taker, and is released', async () => {
  const broken = new Error('no such form')
  const backlog = (function* (): Generator<undefined, undefined> {
    yield undefined
    throw broken
  })()
  const { watcher, taker } = pushed(backlog)
  let released = false
  watcher.own({ [Symbol.dispose]: () => void (released = true) })
  await settled()
  assert.deepEqual([taker.ended, released], [{ error: broken }, true])
})

test('a taker that went away is told nothing more, and its watch is over', async () => {
  const { watcher, taker, watch } = pushed()
  let released = false
  watcher.own({ [Symbol.dispose]: () => void (released = true) })
  watcher.deliver(delivery(1))
  watch.stop()
  await settled()
  assert.deepEqual([taker.batches, taker.ended, released], [[], undefined, true])
})

test('10,000 watchers are handed one frame, encoded once, and others have their turn in between', async () => {
  const rounds = new Rounds()
  const takers = Array.from({ length: 10_000 }, () => {
    const watcher = new Watcher(presenter(), rounds, 0, undefined)
    const taker = new Taker()
    watcher.pushTo(taker)
    return { watcher, taker }
  })
  const told = delivery(1)
  for (const { watcher } of takers) watcher.deliver(told)
  const seen = new Set<number>()
  const count = (): number => takers.filter(({ taker }) => taker.frames.length === 1).length
  while (count() < takers.length) {
    await nextTurn()
    seen.add(count())
  }
  assert.ok(seen.size >= 10, `others had ${seen.size} turns`)
  assert.equal(new Set(takers.map(({ taker }) => taker.frames[0]!.bytes())).size, 1)
  const { bytes, chunk } = takers[0]!.taker.frames[0]!
  assert.equal(bytes().buffer, chunk!().buffer, 'the chunk of HTTP/1.1 is the same memory')
  assert.equal(Buffer.from(chunk!()).toString(), `${bytes().length.toString(16)}\r\n${Buffer.from(bytes())}\r\n`)
})
