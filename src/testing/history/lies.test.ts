import assert from 'node:assert/strict'
import test from 'node:test'
import { nextTurn, seededRandom, VirtualClock } from '#base'
import {
  type Change,
  type Entry,
  openMemoryStore,
  type Page,
  type Progress,
  type PutOptions,
  type Revision,
  type Store,
} from '#store'
import { FaultyStore } from '../faulty-store.ts'
import { UnreliableStore } from '../unreliable-store.ts'
import { faultsOf } from './check.ts'
import { Journal, Recorder } from './history.ts'
import { storeTarget } from './store-target.ts'
import { finish, follow, runClients, underClock } from './workload.ts'

const PREFIX = '/registry/'
const KEYS = ['a', 'b', 'c'].map((name) => PREFIX + name)
const CLIENTS = 6
const DELAY_MS = 20
/** Of so many occasions one is used. */
const EVERY = 10

/** A store that lies at times: what a check of histories is for. */
class Liar extends FaultyStore {
  #occasions = 0
  readonly inner: Store

  constructor(inner: Store) {
    super(inner)
    this.inner = inner
  }

  protected lies(): boolean {
    return ++this.#occasions % EVERY === 0
  }
}

class ForgetsWrites extends Liar {
  override async put(key: string, value: Uint8Array, options: PutOptions): Promise<Revision> {
    const revision = await super.put(key, value, options)
    if (!this.lies()) return revision
    // What came before it is put back.
    await super.delete(key, revision)
    return revision
  }
}

class IgnoresConditions extends Liar {
  override async put(key: string, value: Uint8Array, options: PutOptions): Promise<Revision> {
    const expected = this.lies() ? ((await this.inner.get(key))?.revision ?? 0) : options.expected
    return super.put(key, value, { ...options, expected })
  }
}

class ReadsThePast extends Liar {
  override async get(key: string): Promise<Entry | undefined> {
    return this.lies() ? super.get(key, Math.max(0, this.revision - 5)) : super.get(key)
  }
}

class ListsHalf extends Liar {
  override async list(prefix: string): Promise<Page> {
    const page = await super.list(prefix)
    return this.lies() ? { ...page, entries: page.entries.slice(1) } : page
  }
}

/** What is told is changed by `change`, which is given the one before. */
const tells = (change: (change: Change, before: Change | undefined) => (Change | Progress)[]): (new (inner: Store) => Liar) =>
  class extends Liar {
    override async *watch(prefix: string, since: Revision, signal: AbortSignal): AsyncIterable<Change | Progress> {
      let before: Change | undefined
      for await (const each of super.watch(prefix, since, signal)) {
        if (each.type === 'progress') yield each
        else {
          yield* this.lies() ? change(each, before) : [each]
          before = each
        }
      }
    }
  }

const LIARS: Readonly<Record<string, readonly [new (inner: Store) => Store, RegExp]>> = {
  'forgets what it acknowledged': [ForgetsWrites, /^(nobody wrote it|stale|no order)/],
  'writes although the condition does not hold': [IgnoresConditions, /^written over what its writer had not seen/],
  'shows the past': [ReadsThePast, /^stale/],
  'lists a part': [ListsHalf, /^wrong: a list/],
  'tells of a change twice': [tells((change) => [change, change]), /^watcher was told twice/],
  'does not tell of a change': [tells(() => []), /^watcher was told of .* without/],
  'tells of a change too late': [
    tells((change, before) => (before === undefined ? [change] : [{ ...change, revision: before.revision }])),
    /^(two changes at one revision|watcher was told)/,
  ],
  'tells that it has told all': [
    tells((change) => [{ type: 'progress', revision: change.revision }, change]),
    /^watcher was told of progress to \d+ without/,
  ],
  'does not know what was there before': [
    tells((change) => [{ ...change, previous: { key: change.key, value: Buffer.from('x'), revision: 1 } }]),
    /^watcher was told that x@1 was there/,
  ],
}

for (const [title, [Kind, said]] of Object.entries(LIARS)) {
  test(`a store that ${title} is found out`, async () => {
    const clock = new VirtualClock(undefined, nextTurn)
    await using inner = openMemoryStore({ clock })
    const random = seededRandom(3)
    const way = new UnreliableStore(new Kind(inner), { clock, random, delayMs: DELAY_MS, lostPercent: 0, breakPercent: 0 })
    way.begin()
    const targets = [storeTarget(way, PREFIX)]
    const journal = new Journal()
    const recorder = new Recorder(journal.add)
    await using follower = follow(targets[0]!, 'watcher', 0, recorder)
    await underClock(clock, DELAY_MS, async () => {
      await runClients({ targets, recorder, clock, random, clients: CLIENTS, keys: KEYS, operations: 30, pauseMs: DELAY_MS })
      await finish({ target: targets[0]!, recorder, client: CLIENTS, key: `${PREFIX}last` }, [follower])
    })
    const faults = faultsOf(journal)
    assert.ok(
      faults.some((fault) => said.test(fault)),
      JSON.stringify(faults.slice(0, 5), null, 1),
    )
  })
}
