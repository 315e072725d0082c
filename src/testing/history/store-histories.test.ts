import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { nextTurn, seededRandom, VirtualClock } from '#base'
import { openEmbeddedStore, openMemoryStore, type Store } from '#store'
import { UnreliableStore } from '../unreliable-store.ts'
import { checkHistory } from './check.ts'
import { Journal, Recorder } from './history.ts'
import { storeTarget } from './store-target.ts'
import { finish, follow, runClients, underClock } from './workload.ts'

/** More with T8S_HISTORY_SEEDS for a soak. */
const SEEDS = Number(process.env['T8S_HISTORY_SEEDS'] ?? 10)
const PREFIX = '/registry/'
const KEYS = ['a', 'b', 'c', 'd'].map((name) => PREFIX + name)
const CLIENTS = 8
const OPERATIONS = 40
const DELAY_MS = 20

/** All that happens between two timers is done in one turn, where the store is in memory. */
const memoryClock = (): VirtualClock => new VirtualClock(undefined, nextTurn)

/** Clients and watchers, each with a way of its own to one store, under a clock that waits for them. */
async function historyOf(
  inner: Store,
  clock: VirtualClock,
  seed: number,
  losses = { lostPercent: 5, breakPercent: 2 },
): Promise<Journal> {
  const random = seededRandom(seed)
  const ways = [1, 2].map(() => new UnreliableStore(inner, { clock, random, delayMs: DELAY_MS, ...losses }))
  const targets = ways.map((way) => storeTarget(way, PREFIX))
  for (const way of ways) way.begin()
  const journal = new Journal()
  const recorder = new Recorder(journal.add)
  await using stack = new AsyncDisposableStack()
  const followers = targets.map((target, index) => stack.use(follow(target, `watcher ${index}`, inner.revision, recorder)))
  await underClock(clock, DELAY_MS, async () => {
    await runClients({
      targets,
      recorder,
      clock,
      random,
      clients: CLIENTS,
      keys: KEYS,
      operations: OPERATIONS,
      pauseMs: DELAY_MS,
    })
    await finish({ target: targets[0]!, recorder, client: CLIENTS, key: `${PREFIX}last` }, followers)
  })
  return journal
}

test(`memory: histories of ${SEEDS} seeds, with lost answers and broken watches, are linearisable`, async (context) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const clock = memoryClock()
    await using store = openMemoryStore({ clock })
    const checked = checkHistory(await historyOf(store, clock, seed), { gaplessAfter: 0 })
    if (seed === SEEDS) context.diagnostic(`seed ${seed}: ${checked}`)
  }
})

test('memory: the same seed gives the same history', async () => {
  const run = async (seed: number): Promise<Journal> => {
    const clock = memoryClock()
    await using store = openMemoryStore({ clock })
    return await historyOf(store, clock, seed)
  }
  const [first, again, other] = [await run(7), await run(7), await run(8)]
  assert.deepEqual([again.operations, again.watches], [first.operations, first.watches])
  assert.notDeepEqual(other.operations, first.operations)
})

test('embedded: a history with lost answers and broken watches is linearisable', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 't8s-history-'))
  try {
    const clock = new VirtualClock()
    await using store = await openEmbeddedStore({ directory, clock })
    context.diagnostic(checkHistory(await historyOf(store, clock, 1), { gaplessAfter: 0 }))
  } finally {
    rmSync(directory, { recursive: true })
  }
})
