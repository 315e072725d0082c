import assert from 'node:assert/strict'
import test from 'node:test'
import { type ConfigMap, configMaps, type Lease, leases } from '#api'
import { nullLog, type Random, seededRandom, sleepOn, TaskGroup, VirtualClock } from '#base'
import { ProcessClock, startTestApiServer, TEST_ADMIN, type TestApiServer } from '#testing'
import { createClient } from './api-client.ts'
import { fencedTransport } from './fenced-transport.ts'
import { inProcessTransport } from './in-process-transport.ts'
import { runAsLeader } from './leader-election.ts'
import type { Transport, TransportResponse } from './transport.ts'

const LEASE = 'kube-system/kube-controller-manager'
/** As the control plane has it. */
const ELECTION = { lease: LEASE, leaseMs: 10_000, renewMs: 8_000, retryMs: 1_500 }
const ACT_MS = 400
/** What was promised to whoever waits for another leader. */
const TAKEOVER_MS = 15_000

/** What lies between a candidate and its Lease; may be cut, or slow to tell that something was written. What it does as the leader goes by another way. */
class Network {
  state: 'up' | 'silent' | 'refusing' = 'up'
  answersAfterMs = 0

  over(transport: Transport, clock: ProcessClock): Transport {
    const lost = (signal: AbortSignal | undefined) =>
      new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true }))
    return {
      ...transport,
      request: async (request): Promise<TransportResponse> => {
        if (this.state === 'refusing') throw new Error('connection refused')
        if (this.state === 'silent') return lost(request.signal)
        const response = await transport.request(request)
        if (this.answersAfterMs > 0 && request.method === 'PUT') await sleepOn(clock, this.answersAfterMs, request.signal)
        return response
      },
    }
  }
}

/** What was done by whom, in the order in which the server did it. */
interface Act {
  readonly by: string
  readonly atMs: number
}

/** A process that stands for election without end, and while it leads writes one thing after the other. */
class Process implements AsyncDisposable {
  readonly clock: ProcessClock
  readonly network = new Network()
  leads = false
  readonly #tasks = new TaskGroup({ onError: (error) => assert.fail(error as Error) })

  constructor(name: string, api: TestApiServer, time: VirtualClock, { offsetMs = 0, random = seededRandom(1) } = {}) {
    this.clock = new ProcessClock(time, offsetMs)
    const { clock } = this
    const transport = inProcessTransport(api.server, { user: TEST_ADMIN })
    const client = createClient(this.network.over(transport, clock))
    this.#tasks.spawn(async (signal) => {
      while (!signal.aborted)
        await runAsLeader({ ...ELECTION, identity: name, client, clock, random, log: nullLog, signal }, async (leadership) => {
          this.leads = true
          const acting = createClient(fencedTransport(transport, leadership))
          try {
            for (;;) {
              // What was sent can not be taken back, and whatever becomes of it, the next is tried.
              const object: ConfigMap = { metadata: { generateName: `${name}-`, namespace: 'default' }, data: { by: name } }
              await acting.create(configMaps, object).catch(() => undefined)
              await sleepOn(clock, ACT_MS, leadership.signal)
            }
          } finally {
            this.leads = false
          }
        })
    })
  }

  /** As by `kill -9`: nothing of it runs or is heard any more. */
  kill(): void {
    this.clock.stop()
    this.network.state = 'silent'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clock.resume()
    this.network.state = 'refusing'
    await this.#tasks[Symbol.asyncDispose]()
  }
}

interface Lab extends AsyncDisposable {
  readonly api: TestApiServer
  readonly time: VirtualClock
  readonly a: Process
  readonly b: Process
  /** All acts, so far. */
  acts(): Promise<readonly Act[]>
}

/** Two processes, of which `a` leads. Their clocks are hours apart. */
async function start(seed = 1, randomOf = seededRandom): Promise<Lab> {
  const time = new VirtualClock()
  await using stack = new AsyncDisposableStack()
  const api = stack.use(await startTestApiServer({ clock: time, seed }))
  const acts: Act[] = []
  const record = new AbortController()
  const watching = (async () => {
    const options = { namespace: 'default', resourceVersion: '1', signal: record.signal }
    for await (const { type, object } of api.client.watch(configMaps, options))
      if (type === 'ADDED') acts.push({ by: object.data?.['by'] ?? '', atMs: time.now() })
  })()
  stack.defer(async () => {
    record.abort()
    await watching.catch(() => undefined)
  })
  const a = stack.use(new Process('a', api, time, { offsetMs: 7_200_000, random: randomOf(seed * 2) }))
  await time.advance(1_000)
  const b = stack.use(new Process('b', api, time, { offsetMs: -3_600_000, random: randomOf(seed * 2 + 1) }))
  await time.advance(5_000)
  assert.deepEqual([a.leads, b.leads], [true, false])
  const owned = stack.move()
  return {
    api,
    time,
    a,
    b,
    acts: async () => {
      await time.advance(0)
      return acts
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Who acted, one after the other: `a b` says that nothing was done by `a` once `b` had begun. */
const turns = (acts: readonly Act[]): string =>
  acts
    .map(({ by }) => by)
    .filter((by, index, all) => by !== all[index - 1])
    .join(' ')

const firstOf = (by: string, acts: readonly Act[]): number => acts.find((act) => act.by === by)!.atMs

/** Whose every wait is the longest that may be. */
const latest = (seed: number): Random => ({ ...seededRandom(seed), float: () => 1 - Number.EPSILON })

test('a leader that is killed is followed within 15 seconds, whenever it dies', async (context) => {
  const took: number[] = []
  for (let afterMs = 0; afterMs < 3_300; afterMs += 300) {
    await using lab = await start(1, latest)
    await lab.time.advance(afterMs)
    lab.a.kill()
    const killedAt = lab.time.now()
    await lab.time.advance(TAKEOVER_MS)
    const acts = await lab.acts()
    assert.equal(turns(acts), 'a b')
    took.push(Math.round(firstOf('b', acts) - killedAt))
  }
  context.diagnostic(`${took.length} takeovers after ${Math.min(...took)} to ${Math.max(...took)} ms`)
  // Not before the lease is over for the one who died.
  assert.ok(Math.min(...took) >= ELECTION.leaseMs - ELECTION.retryMs, String(took))
})

test('a leader that was stopped for longer than its lease does nothing any more when it goes on, and stands again', async () => {
  await using lab = await start()
  lab.a.clock.stop()
  await lab.time.advance(30_000)
  assert.deepEqual([lab.a.leads, lab.b.leads], [true, true], 'it can not know')
  await lab.a.clock.resume()
  await lab.time.advance(30_000)
  assert.deepEqual([lab.a.leads, lab.b.leads], [false, true])
  assert.equal(turns(await lab.acts()), 'a b')
  lab.b.kill()
  await lab.time.advance(TAKEOVER_MS)
  assert.equal(turns(await lab.acts()), 'a b a')
})

test('a leader that was stopped until just before its lease was over goes on, or not, but never beside another', async () => {
  for (const stoppedMs of [3_000, 6_900, 8_500, 9_900, 10_100, 13_000]) {
    await using lab = await start(stoppedMs)
    lab.a.clock.stop()
    await lab.time.advance(stoppedMs)
    await lab.a.clock.resume()
    await lab.time.advance(30_000)
    const acts = await lab.acts()
    // One that gave up may be the next, too, where no other has come before.
    assert.match(turns(acts), stoppedMs < ELECTION.renewMs - ELECTION.retryMs ? /^a$/ : /^a( b)?$/, `${stoppedMs} ms`)
    assert.ok(acts.at(-1)!.atMs > lab.time.now() - 1_000, `somebody leads after ${stoppedMs} ms`)
  }
})

test('clocks that are set change nothing', async () => {
  await using lab = await start()
  for (const ms of [3_600_000, -7_200_000, 11_000, -86_400_000]) {
    for (const { clock } of [lab.a, lab.b]) {
      clock.jump(ms)
      await lab.time.advance(13_000)
    }
  }
  assert.equal(turns(await lab.acts()), 'a')
})

for (const state of ['silent', 'refusing'] as const) {
  test(`a leader whose server is ${state} stops before another begins, and stands again when it is back`, async () => {
    await using lab = await start()
    const cutAt = lab.time.now()
    lab.a.network.state = state
    await lab.time.advance(ELECTION.renewMs)
    assert.equal(lab.a.leads, false, 'within the time that a renewal is good for')
    await lab.time.advance(TAKEOVER_MS - ELECTION.renewMs)
    assert.ok(firstOf('b', await lab.acts()) - cutAt <= TAKEOVER_MS)
    lab.a.network.state = 'up'
    await lab.time.advance(20_000)
    assert.equal(turns(await lab.acts()), 'a b')
    lab.b.kill()
    await lab.time.advance(TAKEOVER_MS)
    assert.equal(turns(await lab.acts()), 'a b a')
  })
}

test('a renewal counts from when it was sent: others may have seen it long before its answer came', async () => {
  for (const seed of [1, 2, 3]) {
    await using lab = await start(seed)
    const renewed = async () => (await lab.api.client.get(leases, LEASE)).spec?.renewTime
    lab.a.network.answersAfterMs = 6_000
    for (const before = await renewed(); (await renewed()) === before; ) await lab.time.advance(100)
    // The last renewal is done, its answer on the way, and nothing comes after it.
    lab.a.network.state = 'silent'
    await lab.time.advance(20_000)
    assert.equal(turns(await lab.acts()), 'a b')
  }
})

test('a lease that somebody deletes stays with its leader', async () => {
  await using lab = await start()
  for (let count = 0; count < 10; count++) {
    await lab.api.client.delete(leases, LEASE)
    await lab.time.advance(1_700)
  }
  assert.equal(turns(await lab.acts()), 'a')
  assert.equal((await lab.api.client.get(leases, LEASE)).spec?.holderIdentity, 'a')
})

/** What somebody may write into a lease, and who may have acted half a minute later. */
const EDITS: Readonly<Record<string, { readonly spec: Partial<NonNullable<Lease['spec']>>; readonly turns: RegExp }>> = {
  'strikes its holder out': { spec: { holderIdentity: '' }, turns: /^a$/ },
  'shortens its duration': { spec: { leaseDurationSeconds: 1 }, turns: /^a$/ },
  'lengthens its duration': { spec: { leaseDurationSeconds: 3_600 }, turns: /^a$/ },
  'sets its time back': { spec: { renewTime: '2001-01-01T00:00:00.000000Z' }, turns: /^a$/ },
  'sets its time forward': { spec: { renewTime: '2099-01-01T00:00:00.000000Z' }, turns: /^a$/ },
  'names somebody who is not there': { spec: { holderIdentity: 'x' }, turns: /^a( b)?$/ },
  'names the other candidate': { spec: { holderIdentity: 'b' }, turns: /^a( b)?$/ },
}

for (const [name, edit] of Object.entries(EDITS)) {
  test(`whoever ${name} does not make two act at a time`, async () => {
    for (const waitMs of [400, 1_100]) {
      await using lab = await start(waitMs + 1)
      await lab.time.advance(waitMs)
      const lease = await lab.api.client.get(leases, LEASE)
      await lab.api.client.update(leases, { ...lease, spec: { ...lease.spec, ...edit.spec } })
      await lab.time.advance(30_000)
      const acts = await lab.acts()
      assert.match(turns(acts), edit.turns)
      assert.ok(acts.at(-1)!.atMs > lab.time.now() - 1_000, 'somebody leads')
    }
  })
}
