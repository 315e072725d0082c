import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { seededRandom, systemClock, systemRandom } from '#base'
import type { Client } from '#client'
import { openPki } from '../../src/cluster/pki-directory.ts'
import { WATCH_STALENESS_MS_MAX } from '../../src/store/etcd/watch-check.ts'
import {
  API_PREFIX,
  apiTarget,
  checkHistory,
  finish,
  follow,
  Journal,
  Recorder,
  runClients,
} from '../../src/testing/history/index.ts'
import { alone } from './alone.ts'
import { EtcdCluster } from './etcd-cluster.ts'
import { EtcdNetwork } from './etcd-network.ts'
import { type ServerProcess, startServerProcess } from './server-process.ts'
import { StalenessGauge } from './staleness-gauge.ts'

/**
 * How old is what servers show while members of etcd, servers, and the ways between them fail: each of three is beside a member of its own. Two are worked with, so that they soon know that
 * their member fails; the third is an API server alone, and nobody asks it anything for which it would have to ask etcd. For a soak: `T8S_STALENESS_ROUNDS=10 node --conditions=source --test test/node/etcd-staleness.test.ts`.
 */
const ROUNDS = Number(process.env['T8S_STALENESS_ROUNDS'] ?? 1)
const [BUSY, NEIGHBOUR, QUIET] = ['a', 'b', 'c'] as const
const NAMES = [BUSY, NEIGHBOUR, QUIET] as const
/** A machine of its own, without a member. */
const QUIET_MACHINE = 3
const MEMBERS = [0, 1, 2]
const STOPPED_MS = 2_000
const CLIENTS = 4
const CLIENT_PAUSE_MS = 40
const KEYS = ['a', 'b', 'c', 'd'].map((name) => API_PREFIX + name)
const CONSISTENT_READ_MS = 1_000

const place = alone(import.meta.filename)

interface Lab {
  readonly cluster: EtcdCluster
  readonly network: EtcdNetwork
  readonly servers: Readonly<Record<string, ServerProcess>>
  readonly gauge: StalenessGauge
}

/** Says how old what each server showed was, and asserts that of those that could ask etcd all the time. */
function judge({ gauge }: Lab, context: TestContext, fault: string, bounded: readonly string[]): void {
  for (const name of NAMES) {
    const { watchMs, readMs } = gauge.ages(name)
    context.diagnostic(
      `${fault}: ${name} told of writes at most ${watchMs} ms late, and showed what was at most ${readMs} ms old`,
    )
    if (!bounded.includes(name)) continue
    assert.ok(Math.max(watchMs, readMs) <= WATCH_STALENESS_MS_MAX, `${fault}: ${name} was ${watchMs} and ${readMs} ms behind`)
  }
  gauge.next()
}

/** The fault lasts until all have got over it. */
async function memberStandsStill(lab: Lab, context: TestContext): Promise<void> {
  await lab.cluster.signal(NAMES.indexOf(QUIET), 'SIGSTOP')
  const tookMs = await Promise.all(NAMES.map((name) => lab.gauge.current(name)))
  await lab.cluster.signal(NAMES.indexOf(QUIET), 'SIGCONT')
  judge(lab, context, `the member beside c stands still (all went on after ${Math.max(...tookMs)} ms)`, NAMES)
}

async function memberIsCutOff(lab: Lab, context: TestContext): Promise<void> {
  lab.network.cable(NAMES.indexOf(NEIGHBOUR), 'down')
  const tookMs = await Promise.all(NAMES.map((name) => lab.gauge.current(name)))
  lab.network.cable(NAMES.indexOf(NEIGHBOUR), 'up')
  judge(lab, context, `the member beside b is cut off (all went on after ${Math.max(...tookMs)} ms)`, NAMES)
}

/** At once, since they do not get into each other's way. */
async function serverStandsStillAndAnotherIsCutOff(lab: Lab, context: TestContext): Promise<void> {
  const { gauge, network, servers } = lab
  network.silence(QUIET_MACHINE, MEMBERS, 'on')
  const unreadyMs = untilUnready(servers[QUIET]!.client)
  // It knows no better, and says nothing rather than what is old.
  const read = gauge.latest(QUIET, AbortSignal.timeout(CONSISTENT_READ_MS))
  await assert.rejects(read, { name: 'TimeoutError' })
  servers[NEIGHBOUR]!.process.kill('SIGSTOP')
  await systemClock.sleep(STOPPED_MS)
  servers[NEIGHBOUR]!.process.kill('SIGCONT')
  const [resumedMs, toldMs] = await Promise.all([gauge.current(NEIGHBOUR), unreadyMs])
  assert.ok(toldMs <= WATCH_STALENESS_MS_MAX, `not ready after ${toldMs} ms`)
  network.silence(QUIET_MACHINE, MEMBERS, 'off')
  const backMs = await gauge.current(QUIET)
  const said = `b stood still for ${STOPPED_MS} ms (went on after ${resumedMs} ms), c is cut off from etcd (not ready after ${toldMs} ms, went on ${backMs} ms after it was back)`
  judge(lab, context, said, [BUSY])
  const { watchMs, readMs } = gauge.ages(NEIGHBOUR)
  assert.ok(Math.max(watchMs, readMs) <= STOPPED_MS + WATCH_STALENESS_MS_MAX)
}

async function untilUnready(client: Client): Promise<number> {
  const startedMs = systemClock.monotonic()
  for (;;) {
    try {
      await client.request({ method: 'GET', path: '/readyz/etcd-readiness' })
      // Nobody is told of it.
      await systemClock.sleep(50)
    } catch {
      return Math.round(systemClock.monotonic() - startedMs)
    }
  }
}

async function startServers(cluster: EtcdCluster, network: EtcdNetwork, stack: AsyncDisposableStack): Promise<Lab['servers']> {
  const pkiDirectory = join(place.directory, 'pki')
  mkdirSync(place.directory, { recursive: true })
  const pki = await openPki(pkiDirectory, { clock: systemClock, random: systemRandom })
  const start = async (index: number): Promise<ServerProcess> => {
    const store = `own=${[...cluster.servers.slice(index), ...cluster.servers.slice(0, index)].join(',')}`
    const machine = NAMES[index] === QUIET ? network.placeOf(QUIET_MACHINE) : undefined
    const address = machine?.address ?? `10.9.9.${index + 1}`
    return stack.use(
      await startServerProcess({ pki, pkiDirectory, store, address, place: machine, alone: NAMES[index] === QUIET }),
    )
  }
  // The first leads, and so has to ask etcd.
  const busy = await start(0)
  const [neighbour, quiet] = await Promise.all([start(1), start(2)])
  return { [BUSY]: busy, [NEIGHBOUR]: neighbour, [QUIET]: quiet }
}

test(`servers whose etcd or whose way to it fails are at most ${WATCH_STALENESS_MS_MAX} ms behind, and consistent reads never (${ROUNDS} rounds)`, async (context) => {
  await using stack = new AsyncDisposableStack()
  const network = EtcdNetwork.build(place, MEMBERS.length + 1)
  const cluster = stack.use(await EtcdCluster.start(MEMBERS.length, network))
  const servers = await startServers(cluster, network, stack)
  const journal = new Journal()
  const recorder = new Recorder(journal.add)
  const targets = NAMES.map((name) => apiTarget(servers[name]!.client))
  const since = await targets[0]!.latest()
  const followers = targets.map((target, index) => stack.use(follow(target, `watcher of ${NAMES[index]}`, since, recorder)))
  const stop = new AbortController()
  const clients = runClients({
    targets: targets.filter((_, index) => NAMES[index] !== QUIET),
    recorder,
    clock: systemClock,
    random: seededRandom(23),
    clients: CLIENTS,
    keys: KEYS,
    operations: Number.POSITIVE_INFINITY,
    signal: stop.signal,
    pauseMs: CLIENT_PAUSE_MS,
    freshness: ['atLeast', 'any'],
  })
  const measured = (async () => {
    await using gauge = await StalenessGauge.start(Object.fromEntries(NAMES.map((name) => [name, servers[name]!.client])), [
      BUSY,
      NEIGHBOUR,
    ])
    const lab: Lab = { cluster, network, servers, gauge }
    for (let round = 0; round < ROUNDS; round++) {
      await memberStandsStill(lab, context)
      await memberIsCutOff(lab, context)
      await serverStandsStillAndAnotherIsCutOff(lab, context)
    }
  })()
  try {
    await measured
  } finally {
    stop.abort()
    await clients
  }
  await finish({ target: targets[0]!, recorder, client: CLIENTS, key: `${API_PREFIX}last` }, followers)
  context.diagnostic(checkHistory(journal))
})
