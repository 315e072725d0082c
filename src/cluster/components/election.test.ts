import assert from 'node:assert/strict'
import test from 'node:test'
import { type ConfigMap, configMaps } from '#api'
import { type Log, memoryLog, seededRandom, sleepOn, TaskGroup, VirtualClock } from '#base'
import { createClient, fencedTransport, inProcessTransport, type Leadership, type Transport } from '#client'
import { startTestApiServer, TEST_ADMIN, type TestApiServer } from '#testing'
import { type Election, standForElection } from './election.ts'

const LEASE = 'kube-system/kube-scheduler'
const ACT_MS = 100

/** A way to the server, until that is stopped. */
function breakable(transport: Transport): Transport & { stopped: boolean } {
  const way = {
    ...transport,
    stopped: false,
    request: (request: Parameters<Transport['request']>[0]) =>
      way.stopped ? Promise.reject(new Error('connect ECONNREFUSED 127.0.0.1:6443')) : transport.request(request),
  }
  return way
}

/** Writes one thing after the other, which outlives its leadership as whatever waits for an answer does, and says what became of each. */
function busy(transport: Transport, clock: VirtualClock, tasks: TaskGroup) {
  return async (leadership: Leadership, log: Log): Promise<AsyncDisposable> => {
    const client = createClient(fencedTransport(transport, leadership))
    tasks.spawn(async (signal) => {
      for (;;) {
        await sleepOn(clock, ACT_MS, signal)
        const object: ConfigMap = { metadata: { generateName: 'act-', namespace: 'default' } }
        await client.create(configMaps, object).catch((error: unknown) => log.warn('Writing failed', { error }))
      }
    })
    return { async [Symbol.asyncDispose]() {} }
  }
}

interface Lab {
  readonly api: TestApiServer
  readonly clock: VirtualClock
  readonly log: ReturnType<typeof memoryLog>
  readonly way: ReturnType<typeof breakable>
}

/** A leader whose server has stopped, until `body` has seen what comes of it. */
async function leaderWithoutServer(more: Partial<Election>, body: (lab: Lab) => Promise<void>): Promise<void> {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  const log = memoryLog()
  const transport = inProcessTransport(api.server, { user: TEST_ADMIN })
  const way = breakable(transport)
  await using tasks = new TaskGroup({ onError: (error) => assert.fail(error as Error) })
  const election = { client: createClient(way), clock, random: seededRandom(1), log, lease: LEASE, identity: 'a', ...more }
  // Its component's own requests would be served all the time.
  await using candidacy = standForElection(election, busy(transport, clock, tasks))
  await clock.advance(1_000)
  await candidacy.leading
  way.stopped = true
  await body({ api, clock, log, way })
}

const loud = ({ log }: Lab): readonly string[] => log.lines.filter(({ level }) => level !== 'debug').map(({ message }) => message)

test('a component whose server is gone does and says nothing more once its lease is over, but why, once', async () => {
  const ended: string[] = []
  await leaderWithoutServer({ onLost: ({ message }) => void ended.push(message) }, async (lab) => {
    await lab.clock.advance(30_000)
    assert.deepEqual(ended, [
      `leaderelection lost: ${LEASE} could not be renewed within 10s: connect ECONNREFUSED 127.0.0.1:6443`,
    ])
    assert.deepEqual(loud(lab), ['Became leader'])
    assert.ok(lab.log.lines.some(({ level, message }) => level === 'debug' && message === 'Writing failed'))
    const { items } = await lab.api.client.list(configMaps, { namespace: 'default' })
    assert.ok(items.length <= 11_000 / ACT_MS, `${items.length} written`)
  })
})

test('a component that goes on in its process says that its lease was lost, and stands again', async () => {
  await leaderWithoutServer({}, async (lab) => {
    await lab.clock.advance(12_000)
    lab.way.stopped = false
    await lab.clock.advance(30_000)
    assert.deepEqual(loud(lab), ['Became leader', 'leaderelection lost', 'Became leader'])
    const [lost] = lab.log.lines.filter(({ message }) => message === 'leaderelection lost')
    assert.match(String(lost?.['because']), /could not be renewed within 10s: connect ECONNREFUSED/)
  })
})
