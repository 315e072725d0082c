import assert from 'node:assert/strict'
import test from 'node:test'
import { type Random, seededRandom, systemClock } from '#base'
import { type Change, openEtcdStore, RevisionConflict, type Store, StoreFailure } from '#store'
import { EtcdCluster } from './etcd-cluster.ts'

/** Of each fault; more with T8S_KILL_ROUNDS for a soak. */
const ROUNDS = Number(process.env['T8S_KILL_ROUNDS'] ?? 1)
const WRITERS = 16
/** How long a member is away: longer than an election, so that the others go on without it. */
const AWAY_MS = 2_500
const BETWEEN_MS = 1_000

type Fault = (cluster: EtcdCluster, random: Random, load: Load) => Promise<void>

interface Load {
  readonly store: Store
  readonly watchers: readonly Watcher[]
}

const killed = async (cluster: EtcdCluster, members: readonly number[]): Promise<void> => {
  await Promise.all(members.map((member) => cluster.signal(member, 'SIGKILL')))
  await systemClock.sleep(AWAY_MS)
  for (const member of members) cluster.startMember(member)
}

const stopped = async (cluster: EtcdCluster, member: number): Promise<void> => {
  await cluster.signal(member, 'SIGSTOP')
  await systemClock.sleep(AWAY_MS)
  await cluster.signal(member, 'SIGCONT')
}

const FAULTS: Readonly<Record<string, Fault>> = {
  'the leader is killed': async (cluster) => killed(cluster, [cluster.leader()]),
  'the leader stands still': async (cluster) => stopped(cluster, cluster.leader()),
  'any member is killed': async (cluster, random) => killed(cluster, [random.int(cluster.size)]),
  'any member stands still': async (cluster, random) => stopped(cluster, random.int(cluster.size)),
  'all members are killed': async (cluster) => killed(cluster, [...Array(cluster.size).keys()]),
  'history is compacted under the watchers': async (_cluster, _random, { store, watchers }) => {
    // Up to where all have come: who is behind a compaction is told so, and has to read anew.
    await store.compact(Math.min(...watchers.map(({ reached }) => reached())))
    await systemClock.sleep(BETWEEN_MS)
  },
}

test(`etcd: members that fail under load lose and double nothing (${ROUNDS} of each fault)`, async (context) => {
  await using cluster = await EtcdCluster.start(3)
  await using stack = new AsyncDisposableStack()
  const options = { servers: cluster.servers, clock: systemClock }
  const stores = [stack.use(await openEtcdStore(options)), stack.use(await openEtcdStore(options))]
  const base = stores[0]!.revision
  const stop = new AbortController()
  const watching = new AbortController()
  stack.defer(() => {
    stop.abort()
    watching.abort()
  })
  const watchers = stores.map((store) => follow(store, base, watching.signal))
  const writers = Array.from({ length: WRITERS }, (_, index) => write(stores[index % 2]!, index, stop.signal))
  const random = seededRandom(5)
  for (const [name, fault] of Object.entries(FAULTS)) {
    for (let round = 0; round < ROUNDS; round++) {
      const before = writers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0)
      await fault(cluster, random, { store: stores[round % 2]!, watchers })
      await systemClock.sleep(BETWEEN_MS)
      const after = writers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0)
      context.diagnostic(`${name}: ${after - before} writes acknowledged meanwhile`)
    }
  }
  stop.abort()
  await Promise.all(writers.map(({ done }) => done))
  const last = await stores[0]!.latest()
  await Promise.all(watchers.map((watcher) => watcher.until(last)))
  watching.abort()
  for (const { changes } of watchers) {
    assert.deepEqual(
      changes.map(({ revision }) => revision),
      Array.from({ length: last - base }, (_, index) => base + 1 + index),
      'watchers saw every revision once, in order',
    )
  }
  const history = watchers[0]!.changes
  for (const writer of writers) verify(writer, history)
  const acknowledged = writers.reduce((sum, each) => sum + each.acknowledged.length, 0)
  const unknown = writers.reduce((sum, each) => sum + each.unknown, 0)
  context.diagnostic(
    `${acknowledged} acknowledged writes in ${ROUNDS * Object.keys(FAULTS).length} rounds, none lost, none doubled; ${unknown} were answered with an error`,
  )
})

interface Writer {
  /** What was acknowledged, with its revision; deletes without a value. */
  readonly acknowledged: { readonly key: string; readonly value: string | undefined; readonly revision: number }[]
  readonly done: Promise<void>
  readonly index: number
  unknown: number
}

/** Counts up one key, one write after the other, and every third time creates a key and deletes the one before. */
function write(store: Store, index: number, signal: AbortSignal): Writer {
  const writer: Writer = { acknowledged: [], index, unknown: 0, done: run() }
  return writer

  async function run(): Promise<void> {
    // The object is complete before the first write.
    await Promise.resolve()
    let revision = 0
    for (let count = 0; !signal.aborted; count++) {
      revision = await attempt(`/registry/count/${index}`, String(count), revision)
      if (count % 3 !== 0) continue
      const created = await attempt(`/registry/made/${index}/${count}`, 'x', 0)
      if (count % 2 === 0) await attempt(`/registry/made/${index}/${count}`, undefined, created)
    }
  }

  /** The revision of the write, which is found out when the answer was an error. */
  async function attempt(key: string, value: string | undefined, expected: number): Promise<number> {
    for (;;) {
      try {
        const revision =
          value === undefined ? await store.delete(key, expected) : await store.put(key, Buffer.from(value), { expected })
        writer.acknowledged.push({ key, value, revision })
        return revision
      } catch (error) {
        // Nobody else writes this key, so a conflict can only be with a write of ours whose answer was an error.
        if (error instanceof RevisionConflict && writer.unknown > 0) return error.current?.revision ?? 0
        if (!(error instanceof StoreFailure) || error.reason !== 'Unavailable' || signal.aborted) throw error
        writer.unknown++
        await systemClock.sleep(50)
      }
    }
  }
}

/** Every acknowledged write is in the history at its revision, and the counter never says a number twice. */
function verify({ acknowledged, index }: Writer, history: readonly Change[]): void {
  const base = history[0]!.revision
  for (const { key, value, revision } of acknowledged) {
    const change = history[revision - base]
    const found = change && [change.key, change.type === 'delete' ? undefined : Buffer.from(change.value).toString()]
    assert.deepEqual(found, [key, value], `${key} at ${revision}`)
  }
  const counted = history.filter(({ key }) => key === `/registry/count/${index}`).map(({ value }) => Number(Buffer.from(value)))
  assert.deepEqual(counted, [...counted.keys()], `the counter ${index} counts every number once`)
  const made = history.filter(({ key, type }) => type === 'put' && key.startsWith(`/registry/made/${index}/`))
  assert.equal(new Set(made.map(({ key }) => key)).size, made.length, 'what was created once is there once')
}

interface Watcher {
  readonly changes: readonly Change[]
  reached(): number
  /** Resolves once everything up to `revision` was seen; rejects when the watch failed. */
  until(revision: number): Promise<void>
}

function follow(store: Store, since: number, signal: AbortSignal): Watcher {
  const changes: Change[] = []
  let reached = since
  let wake = (): void => undefined
  const watching = (async () => {
    for await (const change of store.watch('/registry/', since, signal)) {
      if (change.type !== 'progress') changes.push(change)
      else reached = change.revision
      wake()
    }
  })()
  watching.catch(() => undefined)
  return {
    changes,
    reached: () => reached,
    async until(revision: number): Promise<void> {
      while (reached < revision) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve
        })
        await Promise.race([woken, watching])
      }
    },
  }
}
