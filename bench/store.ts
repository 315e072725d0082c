/**
 * How fast does the embedded store take writes, list, start and how much memory does an object cost, beside Debian's etcd with one member and with three? One process
 * writes to each in turn, on one disk; a write counts once it is durable: all of them sync before they acknowledge. etcd is spoken to by the leanest client that Node can
 * be, and pays for its connection, as an API server would. A bare file shows what the disk, the client's loop and the rest of the machine cost at that moment. Usage: node --conditions=source bench/store.ts [--full] [--objects] [DIRECTORY]
 *
 * Starts are measured each in a process of its own (`--part=start`), so that nothing else has used its memory, and what an empty store takes is not counted.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { systemClock } from '#base'
import { openEmbeddedStore, type Store } from '#store'
import { EtcdCluster } from '../test/node/etcd-cluster.ts'
import { BareWriter } from './store/bare-writer.ts'
import { EtcdWriter } from './store/etcd-writer.ts'

const full = process.argv.includes('--full')
const WRITERS = [1, 16, 128, 1_024]
const LISTS = full ? [10_000, 100_000] : [1_000, 10_000]
const ROUNDS = full ? 7 : 3
const ROUND_MS = full ? 2_000 : 200
const VALUE_BYTES = 2_048
/** Many times as many as there are writers, so that no two of them write to one key. */
const CHANGED_KEYS = 20_000
const STARTS = full ? 9 : 5

interface Round {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

interface Target {
  readonly name: string
  /** Rounds of as many writers, each writing its next key when the last was acknowledged. */
  open(writers: number): Disposable & { put(key: string, value: Uint8Array): Promise<unknown> }
}

/** What is done in processes of their own; each prints its result. */
const PARTS = { fill, start, compact }
const option = (name: string): string | undefined =>
  process.argv.find((each) => each.startsWith(`--${name}=`))?.slice(name.length + 3)

const given = process.argv.slice(2).find((each) => !each.startsWith('--'))
const part = option('part') as keyof typeof PARTS | undefined
let keys = 0
if (part !== undefined) process.stdout.write(JSON.stringify((await PARTS[part](given!, Number(option('count')))) ?? null))
else {
  const root = mkdtempSync(join(given ?? tmpdir(), 't8s-bench-'))
  try {
    if (!process.argv.includes('--objects')) await writes(root)
    for (const each of LISTS) await objects(root, each)
  } finally {
    rmSync(root, { recursive: true })
  }
}

async function writes(root: string): Promise<void> {
  process.stdout.write(`load of this machine: ${loadavg()[0]!.toFixed(1)}\n`)
  await using stack = new AsyncDisposableStack()
  const store = stack.use(await openEmbeddedStore({ directory: join(root, 'writes'), clock: systemClock }))
  const bare = stack.use(new BareWriter(join(root, 'bare')))
  const targets: Target[] = [
    {
      name: 'embedded',
      open: () => ({ put: (key, value) => store.put(key, value, { expected: 0 }), [Symbol.dispose]() {} }),
    },
    { name: 'embedded, changes', open: changes(store) },
    { name: 'bare file', open: () => ({ put: (key, value) => bare.put(key, value), [Symbol.dispose]() {} }) },
  ]
  if (spawnSync('etcd', ['--version']).status === 0) {
    process.env['TMPDIR'] = root
    for (const members of [1, 3]) {
      const cluster = stack.use(await EtcdCluster.start(members))
      const leader = cluster.servers[await cluster.leader()]!
      targets.push({
        name: `etcd, ${members === 1 ? '1 member' : `${members} members`}`,
        open: (writers) => new EtcdWriter(leader, writers),
      })
    }
  } else process.stdout.write('etcd is not installed; nothing to compare with\n')
  for (const writers of WRITERS) {
    const rounds = new Map<Target, Round[]>(targets.map((target) => [target, []]))
    // In turns, so that whatever else the machine does slows all; the first turn only warms up.
    for (let turn = 0; turn <= ROUNDS; turn++)
      for (const target of targets) rounds.get(target)!.push(await measure(target, writers, turn === 0 ? ROUND_MS / 2 : ROUND_MS))
    const own = rounds.get(targets[0]!)!.slice(1)
    for (const target of targets) line(target, writers, rounds.get(target)!.slice(1), own)
    // As an API server does from time to time.
    await store.compact(store.revision)
  }
}

/**
 * The same keys again and again, each with a value of its own. What creates share one value for is kept, superseded and forgotten here, in the memory of this process: that is what an API server's
 * objects cost the store. All writers live in this process too, and the store waits for collections of what they leave, as it does for those of an API server.
 */
function changes(store: Store): Target['open'] {
  const revisions = new Map<string, number>()
  let next = 0
  return () => ({
    async put(_key, value) {
      const key = `/registry/leases/default/node-${next++ % CHANGED_KEYS}`
      revisions.set(key, await store.put(key, Buffer.from(value), { expected: revisions.get(key) ?? 0 }))
    },
    [Symbol.dispose]() {},
  })
}

function line({ name }: Target, writers: number, rounds: readonly Round[], own: readonly Round[]): void {
  const [rate, p50, p99] = [
    median(rounds.map(({ perSecond }) => perSecond)),
    median(rounds.map(({ p50Ms }) => p50Ms)),
    median(rounds.map(({ p99Ms }) => p99Ms)),
  ]
  const ratio = median(own.map(({ perSecond }, at) => perSecond / rounds[at]!.perSecond))
  const against = rounds === own ? '' : `   embedded: ${ratio.toFixed(1)} ×`
  process.stdout.write(
    `${`${writers} writers, ${name}`.padEnd(30)} ${rate.toFixed(0).padStart(7)}/s   p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms${against}\n`,
  )
}

async function measure(target: Target, writers: number, durationMs: number): Promise<Round> {
  using writer = target.open(writers)
  const value = Buffer.alloc(VALUE_BYTES, 'v')
  const latenciesMs: number[] = []
  const startMs = performance.now()
  const write = async (): Promise<void> => {
    while (performance.now() - startMs < durationMs) {
      const sentMs = performance.now()
      await writer.put(`/registry/pods/default/web-${keys++}`, value)
      latenciesMs.push(performance.now() - sentMs)
    }
  }
  await Promise.all(Array.from({ length: writers }, write))
  const seconds = (performance.now() - startMs) / 1000
  latenciesMs.sort((a, b) => a - b)
  const at = (share: number): number => latenciesMs[Math.floor(share * (latenciesMs.length - 1))]!
  return { perSecond: latenciesMs.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99) }
}

/** What a store with so many objects costs, to start, to list and in memory. */
async function objects(root: string, count: number): Promise<void> {
  const directory = join(root, `objects-${count}`)
  report(`${count} objects`, `${(await inProcess<number>('fill', directory, count)).toFixed(1)} ms to list`)
  const empty = await starts(join(root, 'empty'))
  for (const form of ['log', 'checkpoint'] as const) {
    if (form === 'checkpoint') await inProcess('compact', directory)
    const { startedMs, processorMs, bytes } = await starts(directory)
    const each = (bytes - empty.bytes) / count - VALUE_BYTES
    report(
      `${count} objects, from a ${form}`,
      `${startedMs.toFixed(0)} ms to start (${processorMs.toFixed(0)} ms of processors; without objects ${empty.startedMs.toFixed(0)} and ${empty.processorMs.toFixed(0)} ms), ${each.toFixed(0)} bytes of memory each beside the value`,
    )
  }
}

interface Started {
  readonly startedMs: number
  readonly processorMs: number
  /** More in use than before. */
  readonly bytes: number
}

/** Medians of starts, each in a process in which nothing else has used memory. */
async function starts(directory: string): Promise<Started> {
  const all: Started[] = []
  for (let turn = 0; turn < STARTS; turn++) all.push(await inProcess<Started>('start', directory))
  const of = (figure: keyof Started): number => median(all.map((each) => each[figure]))
  return { startedMs: of('startedMs'), processorMs: of('processorMs'), bytes: of('bytes') }
}

/** Does one of {@link PARTS} in a process of its own. */
async function inProcess<T>(part: keyof typeof PARTS, directory: string, count = 0): Promise<T> {
  const args = [
    ...process.execArgv,
    process.argv[1]!,
    ...(full ? ['--full'] : []),
    `--part=${part}`,
    `--count=${count}`,
    directory,
  ]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const printed = await text(child.stdout)
  if (child.exitCode === null) await once(child, 'exit')
  if (child.exitCode !== 0) throw new Error(`to ${part} ${directory} failed`)
  return JSON.parse(printed) as T
}

/** Resolves to how many milliseconds it takes to list all. */
async function fill(directory: string, count: number): Promise<number> {
  await using store = await openEmbeddedStore({ directory, clock: systemClock })
  for (let at = 0; at < count; at += 1_000)
    await Promise.all(
      Array.from({ length: Math.min(1_000, count - at) }, (_, index) =>
        store.put(`/registry/pods/default/web-${at + index}`, Buffer.alloc(VALUE_BYTES, at + index), { expected: 0 }),
      ),
    )
  return median(await listings(store))
}

async function start(directory: string): Promise<Started> {
  const collect = collector()
  await collect()
  const before = used()
  const startMs = performance.now()
  const cpu = process.cpuUsage()
  await using store = await openEmbeddedStore({ directory, clock: systemClock })
  const startedMs = performance.now() - startMs
  const { user, system } = process.cpuUsage(cpu)
  await collect()
  void store.revision
  return { startedMs, processorMs: (user + system) / 1000, bytes: used() - before }
}

/** What was a log is a checkpoint afterwards. */
async function compact(directory: string): Promise<void> {
  await using store = await openEmbeddedStore({ directory, clock: systemClock })
  await store.compact(store.revision)
}

async function listings(store: Store): Promise<number[]> {
  const times: number[] = []
  for (let turn = 0; turn < ROUNDS; turn++) {
    const startMs = performance.now()
    await store.list('/registry/')
    times.push(performance.now() - startMs)
  }
  return times
}

function report(what: string, figures: string): void {
  process.stdout.write(`${what.padEnd(38)} ${figures}\n`)
}

function used(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** What buffers held is given back some time after their collection. */
function collector(): () => Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  return async () => {
    for (let turn = 0; turn < 3; turn++) {
      collect()
      await sleep(50)
    }
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
