/**
 * What do a deadline and priority and fairness cost a request when nobody waits? Each alone, beside a promise that is awaited.
 * usage: node --conditions=source bench/fairness.ts
 */
import { priorityLevel } from '#api'
import { SignalPatience, systemClock } from '#base'
import { ask, startTestApiServer } from '#testing'
import { PriorityLevel } from '../src/apiserver/flow-control/priority-level.ts'
import { ONE_SEAT } from '../src/apiserver/flow-control/work-estimate.ts'

const ROUNDS = 50_000
const WARM_UP = 5_000

async function microseconds(work: () => Promise<unknown>): Promise<number> {
  for (let at = 0; at < WARM_UP; at++) await work()
  const started = performance.now()
  for (let at = 0; at < ROUNDS; at++) await work()
  return ((performance.now() - started) / ROUNDS) * 1000
}

const queuing = { queues: 128, handSize: 6, queueLengthLimit: 50 }
const configuration = priorityLevel('bench', {
  type: 'Limited',
  limited: { nominalConcurrencyShares: 20, limitResponse: { type: 'Queue', queuing } },
})
using level = new PriorityLevel(configuration, systemClock)
level.configure(configuration, { nominal: 50, min: 25, max: 600 })
const arrival = {
  schema: 's',
  distinguisher: 'u',
  work: ONE_SEAT,
  waitMs: 15_000,
  patience: new SignalPatience({}),
  describe: () => [],
}
await using api = await startTestApiServer({ clock: systemClock })
const user = { username: 'somebody', groups: ['system:authenticated'] }

const bare = await microseconds(() => Promise.resolve())
for (const [name, work] of [
  ['a promise', () => Promise.resolve()],
  ['taking and giving back a seat', async () => (await level.take(arrival)).release()],
  ['GET /version in process, all of it', () => ask(api, 'GET /version', { user })],
] as const) {
  const cost = await microseconds(work)
  console.log(`${name.padEnd(36)} ${cost.toFixed(2).padStart(8)} µs   ${(cost / bare).toFixed(1)} × a promise`)
}
