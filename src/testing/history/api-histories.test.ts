import test from 'node:test'
import { type Random, seededRandom, VirtualClock } from '#base'
import { openMemoryStore, type Store } from '#store'
import { startTestApiServer } from '../test-api-server.ts'
import { UnreliableStore } from '../unreliable-store.ts'
import { API_PREFIX, apiTarget } from './api-target.ts'
import { checkHistory } from './check.ts'
import { Recorder } from './history.ts'
import { finish, follow, runClients, underClock } from './workload.ts'

/** More with T8S_HISTORY_SEEDS for a soak. */
const SEEDS = Number(process.env['T8S_HISTORY_SEEDS'] ?? 2)
const SERVERS = 3
const KEYS = ['a', 'b', 'c'].map((name) => API_PREFIX + name)
const CLIENTS = 8
const OPERATIONS = 25
const DELAY_MS = 20

interface Servers {
  readonly inner: Store
  readonly clock: VirtualClock
  readonly random: Random
  readonly losses: { readonly lostPercent: number; readonly breakPercent: number }
}

async function historyOf({ inner, clock, random, losses }: Servers): Promise<Recorder> {
  const ways = Array.from({ length: SERVERS }, () => new UnreliableStore(inner, { clock, random, delayMs: DELAY_MS, ...losses }))
  await using stack = new AsyncDisposableStack()
  const apis = []
  // One after the other: what they make at their start is not the matter here.
  for (const [index, store] of ways.entries()) apis.push(stack.use(await startTestApiServer({ clock, store, seed: index + 1 })))
  const targets = apis.map(({ client }) => apiTarget(client))
  const recorder = new Recorder()
  const since = await targets[0]!.latest()
  const followers = targets.map((target, index) => stack.use(follow(target, `watcher ${index}`, since, recorder)))
  for (const way of ways) way.begin()
  await underClock(clock, DELAY_MS, async () => {
    const load = { clients: CLIENTS, keys: KEYS, operations: OPERATIONS, pauseMs: DELAY_MS }
    await runClients({ targets, recorder, clock, random, ...load, freshness: ['atLeast', 'any'] })
    await finish({ target: targets[0]!, recorder, client: CLIENTS, key: `${API_PREFIX}last` }, followers)
  })
  return recorder
}

for (const [title, losses] of [
  ['are slow', { lostPercent: 0, breakPercent: 0 }],
  ['lose answers and watches', { lostPercent: 5, breakPercent: 2 }],
] as const) {
  test(`${SERVERS} API servers whose ways to the store ${title}: histories of ${SEEDS} seeds are linearisable`, async (context) => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const clock = new VirtualClock()
      await using inner = openMemoryStore({ clock })
      const checked = checkHistory(await historyOf({ inner, clock, random: seededRandom(seed), losses }))
      context.diagnostic(`seed ${seed}: ${checked}`)
    }
  })
}
