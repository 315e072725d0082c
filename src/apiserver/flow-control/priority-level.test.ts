import assert from 'node:assert/strict'
import test from 'node:test'
import { priorityLevel } from '#api'
import { EndingPatience, SignalPatience, settle, VirtualClock } from '#base'
import { divide, limitsOf } from './concurrency.ts'
import { deal } from './hands.ts'
import { type Arrival, type Lease, PriorityLevel, SeatsRefused } from './priority-level.ts'
import { SeatDemand, smoothed } from './seat-demand.ts'
import { ONE_SEAT } from './work-estimate.ts'

const queues = (of: number, handSize: number, queueLengthLimit: number) =>
  priorityLevel('test', {
    type: 'Limited',
    limited: {
      nominalConcurrencyShares: 10,
      limitResponse: { type: 'Queue', queuing: { queues: of, handSize, queueLengthLimit } },
    },
  })

function levelOf(
  seats: number,
  configuration = queues(64, 6, 50),
): { readonly level: PriorityLevel; readonly clock: VirtualClock } {
  const clock = new VirtualClock()
  const level = new PriorityLevel(configuration, clock)
  level.configure(configuration, { nominal: seats, min: seats, max: seats })
  return { level, clock }
}

const arrival = (distinguisher: string, overrides: Partial<Arrival> = {}): Arrival => ({
  schema: 'schema',
  distinguisher,
  work: ONE_SEAT,
  waitMs: 15_000,
  patience: new SignalPatience({}),
  describe: () => [],
  ...overrides,
})

/** Takes seats, works for `ms`, and says when it was done. */
async function work(level: PriorityLevel, clock: VirtualClock, ms: number, what: Arrival): Promise<number> {
  const lease = await take(level, what)
  await clock.sleep(ms)
  lease.release()
  return clock.now()
}

/** Whether the seats are there at once or not. */
const take = async (level: PriorityLevel, what: Arrival): Promise<Lease> => level.take(what)

const reasonOf = (error: unknown): string => (error instanceof SeatsRefused ? error.reason : String(error))

test('a flow with few requests is served between those of one with many', async () => {
  const { level, clock } = levelOf(2)
  const start = clock.now()
  const many = Array.from({ length: 100 }, () => work(level, clock, 100, arrival('many')).catch(reasonOf))
  const few = Array.from({ length: 3 }, () => work(level, clock, 100, arrival('few')))
  await clock.advance(20_000)
  const ends = (await Promise.all(few)).map((at) => at - start)
  assert.ok(Math.max(...ends) <= 600, `three requests beside a hundred were done after ${ends.join(', ')} ms`)
  await Promise.all(many)
  assert.ok(level.isIdle)
  assert.equal(level.demand.seats, 0)
  assert.equal(clock.pendingTimers, 0)
})

test('two flows that want all they can get share seats evenly, also when the requests of one take longer', async () => {
  const { level, clock } = levelOf(4, queues(64, 1, 1_000))
  const done = { short: 0, long: 0 }
  const run = async (flow: keyof typeof done, ms: number): Promise<void> => {
    await work(level, clock, ms, arrival(flow, { waitMs: 60_000 }))
    done[flow] += ms
  }
  const all = [...Array.from({ length: 600 }, () => run('short', 20)), ...Array.from({ length: 150 }, () => run('long', 80))]
  await clock.advance(2_000)
  assert.ok(done.short > 0 && done.long > 0)
  const ratio = done.short / done.long
  assert.ok(ratio > 0.7 && ratio < 1.4, `seat time short to long: ${ratio}`)
  await clock.advance(30_000)
  await Promise.all(all)
})

test('full queues, full seats, waiting too long and going away are refused, each by its name', async () => {
  const { level, clock } = levelOf(1, queues(1, 1, 1))
  const first = await take(level, arrival('a'))
  const waiting = take(level, arrival('a')).catch(reasonOf)
  assert.equal(await take(level, arrival('a')).catch(reasonOf), 'queue-full')
  await clock.advance(15_000)
  assert.equal(await waiting, 'time-out')
  const gone = new EndingPatience()
  const leaving = take(level, arrival('a', { patience: gone })).catch(reasonOf)
  gone.end('gone')
  assert.equal(await leaving, 'cancelled')
  first.release()
  first.release()
  assert.ok(level.isIdle)
  const rejecting = levelOf(
    1,
    priorityLevel('r', { type: 'Limited', limited: { nominalConcurrencyShares: 1, limitResponse: { type: 'Reject' } } }),
  ).level
  const held = await take(rejecting, arrival('a'))
  assert.equal(await take(rejecting, arrival('a')).catch(reasonOf), 'concurrency-limit')
  held.release()
  assert.equal(clock.pendingTimers, 0)
})

test('a wide request takes its seats, and one wider than the level runs alone', async () => {
  const { level, clock } = levelOf(4)
  const wide = await take(level, arrival('a', { work: { ...ONE_SEAT, initialSeats: 3 } }))
  assert.equal(level.seatsInUse, 3)
  let widest = false
  const waiting = take(level, arrival('b', { work: { ...ONE_SEAT, initialSeats: 9 } })).then((lease) => {
    widest = true
    return lease
  })
  const behind = work(level, clock, 10, arrival('c'))
  await settle()
  wide.release()
  await clock.advance(10)
  await behind
  await settle()
  assert.ok(widest)
  ;(await waiting).release()
  assert.ok(level.isIdle)
})

test('a write holds the seats of its watchers for a while after it was answered', async () => {
  const { level, clock } = levelOf(4)
  const lease = await take(level, arrival('a', { work: { initialSeats: 1, finalSeats: 3, additionalLatencyMs: 20 } }))
  lease.release()
  assert.deepEqual([level.executing, level.seatsInUse], [0, 3])
  await clock.advance(20)
  assert.equal(level.seatsInUse, 0)
})

test('an exempt level makes nobody wait', async () => {
  const { level } = levelOf(0, priorityLevel('exempt', { type: 'Exempt' }))
  const leases = await Promise.all(Array.from({ length: 1_000 }, () => take(level, arrival('a'))))
  assert.equal(level.executing, 1_000)
  for (const lease of leases) lease.release()
  assert.ok(level.isIdle)
})

test('a hand has distinct queues, and every queue is in as many hands', () => {
  const counts = new Array<number>(16).fill(0)
  for (let hash = 0n; hash < 16n * 15n * 14n; hash++) {
    const hand = deal(hash, 16, 3)
    assert.equal(new Set(hand).size, 3)
    for (const card of hand) counts[card]!++
  }
  assert.deepEqual(new Set(counts), new Set([15 * 14 * 3]))
})

test('levels share the server by their shares, lend a part, and borrow up to a bound', () => {
  const limited = (shares: number, lendablePercent: number, borrowingLimitPercent?: number) =>
    priorityLevel('x', {
      type: 'Limited',
      limited: {
        nominalConcurrencyShares: shares,
        lendablePercent,
        ...(borrowingLimitPercent !== undefined && { borrowingLimitPercent }),
        limitResponse: { type: 'Reject' },
      },
    })
  const limits = limitsOf(new Map(Object.entries({ a: limited(30, 50), b: limited(10, 0, 20) })), 600)
  assert.deepEqual(limits.get('a'), { nominal: 450, min: 225, max: 600 })
  assert.deepEqual(limits.get('b'), { nominal: 150, min: 150, max: 180 })
})

test('seats are divided by one fraction of every target, within everyone’s bounds', () => {
  const claim = (lower: number, upper: number, target: number) => ({ lower, upper, target })
  assert.deepEqual(divide(10, [claim(0, 10, 4), claim(0, 10, 16)]).seats, [2, 8])
  assert.deepEqual(divide(10, [claim(5, 10, 4), claim(0, 3, 16)]).seats, [7, 3])
  assert.deepEqual(divide(4, [claim(5, 10, 4), claim(0, 3, 16)]).seats, [5, 0])
})

test('demand is averaged over time, and what is made of it rises at once and falls slowly', () => {
  const demand = new SeatDemand(0)
  demand.add(10, 0)
  demand.add(-10, 500)
  const observed = demand.reset(1_000)
  assert.deepEqual([observed.average, observed.deviation, observed.highest], [5, 5, 10])
  assert.equal(smoothed(0, observed), 10)
  assert.ok(smoothed(10, demand.reset(2_000)) > 9.7)
})
