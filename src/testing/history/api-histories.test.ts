import test from 'node:test'
import { type Clock, type Random, seededRandom, systemClock, VirtualClock } from '#base'
import { createClient } from '#client'
import { openMemoryStore, type Store } from '#store'
import { startTestApiServer, TEST_ADMIN } from '../test-api-server.ts'
import { TRANSPORTS } from '../transports.ts'
import { UnreliableStore } from '../unreliable-store.ts'
import { API_PREFIX, apiTarget } from './api-target.ts'
import { checkHistory } from './check.ts'
import { Journal, Recorder } from './history.ts'
import { finish, follow, runClients, type Target, underClock } from './workload.ts'

/** More with T8S_HISTORY_SEEDS for a soak. */
const SEEDS = Number(process.env['T8S_HISTORY_SEEDS'] ?? 2)
const SERVERS = 3
const KEYS = ['a', 'b', 'c'].map((name) => API_PREFIX + name)
const CLIENTS = 8
const OPERATIONS = 25
const DELAY_MS = 20

interface Servers {
  readonly inner: Store
  readonly clock: Clock
  readonly random: Random
  readonly losses: { readonly lostPercent: number; readonly breakPercent: number }
  /** A name in {@link TRANSPORTS}. */
  readonly transport: string
  /** Lets time pass while work is done. */
  readonly under: (work: () => Promise<void>) => Promise<void>
}

async function historyOf({ inner, clock, random, losses, transport, under }: Servers): Promise<Journal> {
  const ways = Array.from({ length: SERVERS }, () => new UnreliableStore(inner, { clock, random, delayMs: DELAY_MS, ...losses }))
  await using stack = new AsyncDisposableStack()
  const targets: Target[] = []
  // One after the other: what they make at their start is not the matter here.
  for (const [index, store] of ways.entries()) {
    const api = stack.use(await startTestApiServer({ clock, store, seed: index + 1 }))
    const connect = await TRANSPORTS[transport]!(api, stack.use(new AsyncDisposableStack()))
    targets.push(apiTarget(createClient(connect(TEST_ADMIN))))
  }
  const journal = new Journal()
  const recorder = new Recorder(journal.add)
  const since = await targets[0]!.latest()
  const followers = targets.map((target, index) => stack.use(follow(target, `watcher ${index}`, since, recorder)))
  for (const way of ways) way.begin()
  await under(async () => {
    const load = { clients: CLIENTS, keys: KEYS, operations: OPERATIONS, pauseMs: DELAY_MS }
    await runClients({ targets, recorder, clock, random, ...load, freshness: ['atLeast', 'any'] })
    await finish({ target: targets[0]!, recorder, client: CLIENTS, key: `${API_PREFIX}last` }, followers)
  })
  return journal
}

const SLOW = { lostPercent: 0, breakPercent: 0 }
const LOSSY = { lostPercent: 5, breakPercent: 2 }

for (const [title, losses] of [
  ['are slow', SLOW],
  ['lose answers and watches', LOSSY],
] as const) {
  test(`${SERVERS} API servers whose ways to the store ${title}: histories of ${SEEDS} seeds are linearisable`, async (context) => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const clock = new VirtualClock()
      await using inner = openMemoryStore({ clock })
      const under = (work: () => Promise<void>): Promise<void> => underClock(clock, DELAY_MS, work)
      const servers = { inner, clock, random: seededRandom(seed), losses, transport: 'in process', under }
      context.diagnostic(`seed ${seed}: ${checkHistory(await historyOf(servers))}`)
    }
  })
}

test(`${SERVERS} API servers over HTTPS: a history is linearisable`, async (context) => {
  await using inner = openMemoryStore({ clock: systemClock })
  const under = (work: () => Promise<void>): Promise<void> => work()
  const servers = { inner, clock: systemClock, random: seededRandom(1), losses: LOSSY, transport: 'https', under }
  context.diagnostic(checkHistory(await historyOf(servers)))
})
