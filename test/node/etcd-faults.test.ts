import assert from 'node:assert/strict'
import { mkdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import test from 'node:test'
import { type Random, seededRandom, systemClock } from '#base'
import { openEtcdStore } from '#store'
import { alone } from './alone.ts'
import { EtcdCluster } from './etcd-cluster.ts'
import { EtcdHistory } from './etcd-history.ts'
import { EtcdNetwork } from './etcd-network.ts'

/** Of each fault; more with T8S_KILL_ROUNDS for a soak. */
const ROUNDS = Number(process.env['T8S_KILL_ROUNDS'] ?? 1)
/** How long a member is away: longer than an election, so that the others go on without it. */
const AWAY_MS = 1_800
const AFTER_MS = 200
const DAY_SECONDS = 86_400
/** An entry that must outlive every jump of a clock. */
const TTL_SECONDS = 7_200
/** Of one disk, for all members together: a commit takes several. */
const SLOW_WRITES_PER_SECOND = 40
const PULSE_MS = 100
const MOVES = 4

const place = alone(import.meta.filename)

interface Lab {
  readonly cluster: EtcdCluster
  readonly network: EtcdNetwork
  readonly random: Random
  readonly history: EtcdHistory
}

type Fault = (lab: Lab) => Promise<void>

const all = ({ size }: EtcdCluster): number[] => [...Array(size).keys()]

async function killed(
  cluster: EtcdCluster,
  members: readonly number[],
  awayMs = AWAY_MS,
  through?: readonly string[],
): Promise<void> {
  await Promise.all(members.map((member) => cluster.signal(member, 'SIGKILL')))
  await systemClock.sleep(awayMs)
  for (const member of members) cluster.startMember(member, through)
}

async function stopped(cluster: EtcdCluster, members: readonly number[], ms: number): Promise<void> {
  await Promise.all(members.map((member) => cluster.signal(member, 'SIGSTOP')))
  await systemClock.sleep(ms)
  await Promise.all(members.map((member) => cluster.signal(member, 'SIGCONT')))
}

async function cutOff(network: EtcdNetwork, members: readonly number[]): Promise<void> {
  for (const member of members) network.cable(member, 'down')
  await systemClock.sleep(AWAY_MS)
  for (const member of members) network.cable(member, 'up')
}

const FAULTS: Readonly<Record<string, Fault>> = {
  'the leader is killed': async ({ cluster }) => killed(cluster, [await cluster.leader()]),
  'the leader stands still': async ({ cluster }) => stopped(cluster, [await cluster.leader()], AWAY_MS),
  'any member is killed': ({ cluster, random }) => killed(cluster, [random.int(cluster.size)]),
  'any member stands still': ({ cluster, random }) => stopped(cluster, [random.int(cluster.size)], AWAY_MS),
  'all members are killed': ({ cluster }) => killed(cluster, all(cluster)),
  'the leader is cut off': async ({ cluster, network }) => cutOff(network, [await cluster.leader()]),
  'all members are cut off from each other': ({ cluster, network }) => cutOff(network, all(cluster)),
  'another member is made to lead, under transactions': async ({ cluster }) => {
    for (let move = 0; move < MOVES; move++) {
      await cluster.moveLeader()
      await systemClock.sleep(AFTER_MS)
    }
  },
  'the disk is slow': slowDisk,
  "members' clocks are a day ahead, and back": async ({ cluster, history }) => {
    // The clock that etcd's leases go by; that of the calendar, which nothing in it goes by, is one for the whole machine.
    await killed(cluster, all(cluster), 0, ['unshare', '--time', `--monotonic=${DAY_SECONDS}`, '--fork', '--kill-child'])
    await history.untilServed()
    await killed(cluster, all(cluster), 0)
  },
  'history is compacted under the watchers': async ({ history }) => {
    // Up to where all have come: who is behind a compaction is told so, and has to read anew.
    await history.stores[0]!.compact(history.reached)
  },
}

test(`etcd: faults under load lose and double nothing (${ROUNDS} of each)`, async (context) => {
  const network = EtcdNetwork.build(place, 3)
  await using cluster = await EtcdCluster.start(3, network)
  const random = seededRandom(5)
  await using other = await openEtcdStore({ servers: cluster.servers, clock: systemClock })
  const kept = await other.put('/registry/kept', Buffer.from('x'), { expected: 0, ttlSeconds: TTL_SECONDS })
  await using history = await EtcdHistory.open(cluster, random)
  for (const [name, fault] of Object.entries(FAULTS)) {
    for (let round = 0; round < ROUNDS; round++) {
      const acknowledged = await history.round(async () => {
        await fault({ cluster, network, random, history })
        await history.untilServed()
        await systemClock.sleep(AFTER_MS)
      })
      context.diagnostic(`${name}: ${acknowledged} writes acknowledged meanwhile`)
    }
  }
  assert.equal((await other.get('/registry/kept'))?.revision, kept, 'no clock ended what should last for hours')
  context.diagnostic(`${ROUNDS * Object.keys(FAULTS).length} faults: ${await history.check()}`)
})

/** By the kernel's limit for the members' group, where it has one for the disk; else the members stand still again and again. */
async function slowDisk({ cluster }: Lab): Promise<void> {
  const group = join('/sys/fs/cgroup/blkio', basename(place.cgroup))
  const { dev } = statSync(tmpdir())
  try {
    mkdirSync(group, { recursive: true })
    const device = `${(dev >> 8) & 0xfff}:${dev & 0xff}`
    writeFileSync(join(group, 'blkio.throttle.write_iops_device'), `${device} ${SLOW_WRITES_PER_SECOND}`)
    for (const pid of cluster.pids) writeFileSync(join(group, 'cgroup.procs'), String(pid))
  } catch {
    for (let pulse = 0; pulse < AWAY_MS / (2 * PULSE_MS); pulse++) {
      await stopped(cluster, all(cluster), PULSE_MS)
      await systemClock.sleep(PULSE_MS)
    }
    return
  }
  await systemClock.sleep(AWAY_MS)
  for (const pid of cluster.pids) writeFileSync('/sys/fs/cgroup/blkio/cgroup.procs', String(pid))
  rmdirSync(group)
}
