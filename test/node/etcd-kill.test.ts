import test from 'node:test'
import { seededRandom, systemClock } from '#base'
import { EtcdCluster } from './etcd-cluster.ts'
import { EtcdHistory } from './etcd-history.ts'

/** For a soak: `T8S_KILL_ROUNDS=200 node --conditions=source --test test/node/etcd-kill.test.ts`. */
const ROUNDS = Number(process.env['T8S_KILL_ROUNDS'] ?? 3)
const BEFORE_MS_MAX = 400
const AWAY_MS_MAX = 400

type Victims = (cluster: EtcdCluster, member: number) => Promise<readonly number[]>

/** In turn: all of them at the same instant is the hardest, since nothing but their disks is left. */
const VICTIMS: readonly (readonly [name: string, victims: Victims])[] = [
  ['all members', async (cluster) => [...Array(cluster.size).keys()]],
  ['the leader', async (cluster) => [await cluster.leader()]],
  ['any member', async (_cluster, member) => [member]],
]

test(`etcd: kill -9 at random instants under concurrent writes loses nothing (${ROUNDS} rounds)`, async (context) => {
  await using cluster = await EtcdCluster.start(3)
  const random = seededRandom(11)
  await using history = await EtcdHistory.open(cluster, random)
  const tried = new Map<string, number>()
  for (let round = 0; round < ROUNDS; round++) {
    const [name, victims] = VICTIMS[round % VICTIMS.length]!
    await history.round(async () => {
      const members = await victims(cluster, random.int(cluster.size))
      await systemClock.sleep(random.int(BEFORE_MS_MAX))
      await Promise.all(members.map((member) => cluster.signal(member, 'SIGKILL')))
      await systemClock.sleep(random.int(AWAY_MS_MAX))
      for (const member of members) cluster.startMember(member)
      await history.untilServed()
    })
    tried.set(name, (tried.get(name) ?? 0) + 1)
  }
  const kills = [...tried].map(([name, count]) => `${name} ${count} times`).join(', ')
  context.diagnostic(`killed ${kills}: ${await history.check()}`)
})
