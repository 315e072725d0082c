import { spawnSync } from 'node:child_process'
import type { Etcd } from './etcd.ts'
import { type Framing, frameCounter } from './frames.ts'
import { type Lab, ONE, PODS_PATH, PROTOBUF } from './lab.ts'
import { type Connection, type Measured, type Request, SingleConnections } from './load.ts'
import { podName } from './pod.ts'
import { cpuMsOf, type Target } from './process.ts'
import { type Line, report } from './report.ts'

/** What one connection of client-go carries. */
const STREAMS_PER_CONNECTION = 100
/** Connections that are set up at once. */
const OPENING = 50
/** Of the writes that are measured, as many go before, until what is hot is compiled. */
const WARM_UP = 1 / 4
/** That a process has open beside its watchers. */
const OTHER_FILES = 500

export interface WatchPlan {
  readonly watchers: number
  readonly writes: number
}

/** One server that is watched, and how it is written to. */
interface Side {
  readonly title: string
  readonly target: Target
  readonly framing: Framing
  readonly request: Request
  write(): Promise<unknown>
}

/** Writes, each of which every watcher is told: over HTTP/2 with many watches on a connection, and over HTTP/1.1 with one. */
export async function watches(lab: Lab, { watchers, writes }: WatchPlan): Promise<void> {
  using writer = lab.openOne(lab.ours)
  using etcdWriter = lab.etcd && lab.openOne(lab.etcd)
  const path = `${PODS_PATH}?watch=true&fieldSelector=metadata.name%3D${podName(1)}`
  const own = async (framing: 'lines' | 'protobuf'): Promise<Side> => {
    const { metadata } = JSON.parse((await writer.send({ path: `${PODS_PATH}?limit=1` })).toString())
    return {
      title: framing === 'lines' ? 'JSON' : 'protobuf',
      target: lab.ours,
      framing,
      request: { path: `${path}&resourceVersion=${metadata.resourceVersion}`, headers: ACCEPT[framing] },
      write: () => writer.count(nextPatch()),
    }
  }
  const stored = await writer.send({ path: ONE })
  for (const framing of ['lines', 'protobuf'] as const) {
    await lab.answer(await nextFrame(lab, await own(framing)))
    const bare: Side = { title: 'bare Node', target: lab.bare, framing, request: { path }, write: () => lab.push() }
    const sides = [await own(framing), bare]
    if (lab.etcd !== undefined) sides.push(etcdSide(lab.etcd, etcdWriter!, stored))
    await compare(lab, sides, { watchers, writes }, 'HTTP/2')
    if (framing === 'protobuf') continue
    if (openFilesMax() < watchers + OTHER_FILES) {
      process.stdout.write(
        `${watchers} connections need a hard limit of ${watchers + OTHER_FILES} open files (ulimit -Hn); left out\n`,
      )
      continue
    }
    const raw: Side = { ...bare, title: 'bare TLS, without HTTP', target: lab.raw }
    await compare(lab, [await own(framing), bare, raw], { watchers, writes }, 'HTTP/1.1')
  }
}

/** What a child may open: Node raises its own limit to the hard one as it starts, and hands it on. */
function openFilesMax(): number {
  const limit = spawnSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).stdout.trim()
  return limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit)
}

const ACCEPT = { lines: {}, protobuf: { accept: `${PROTOBUF.accept};stream=watch` } }

let turn = 0

/** Always another change, and always of the same size. */
const nextPatch = (): Request => ({
  method: 'PATCH',
  path: ONE,
  headers: { 'content-type': 'application/merge-patch+json' },
  body: Buffer.from(JSON.stringify({ metadata: { annotations: { turn: String(turn++ % 10) } } })),
})

function etcdSide(etcd: Etcd, writer: Connection, stored: Buffer): Side {
  const put = etcd.put(podName(1), stored)
  return {
    title: 'etcd Watch',
    target: etcd,
    framing: 'grpc',
    request: etcd.watch(podName(1)),
    write: () => writer.count(put),
  }
}

/** What one watcher is told of one write. */
async function nextFrame(lab: Lab, { target, request, framing, write }: Side): Promise<Buffer> {
  using connection = lab.openOne(target)
  const chunks: Buffer[] = []
  const whole = Promise.withResolvers<void>()
  const count = frameCounter(framing)
  await connection.follow(request, (chunk) => {
    chunks.push(chunk)
    if (count(chunk) > 0) whole.resolve()
  })
  await write()
  await whole.promise
  return Buffer.concat(chunks)
}

async function compare(lab: Lab, sides: readonly Side[], plan: WatchPlan, protocol: 'HTTP/1.1' | 'HTTP/2'): Promise<void> {
  const lines: Line[] = []
  for (const side of sides) {
    const measured = await deliveries(lab, side, plan, protocol)
    lines.push({ name: side.title, measured })
  }
  const [own, ...others] = lines
  report({ name: `1 write to ${plan.watchers}, ${protocol}, ${own!.name}`, measured: own!.measured }, others)
}

/** Counts deliveries; what takes time is that all were told of a write. */
async function deliveries(
  lab: Lab,
  side: Side,
  { watchers, writes }: WatchPlan,
  protocol: 'HTTP/1.1' | 'HTTP/2',
): Promise<Measured> {
  const { target, request, framing, write } = side
  const connections =
    protocol === 'HTTP/2'
      ? lab.open(target, Math.ceil(watchers / STREAMS_PER_CONNECTION))
      : [new SingleConnections(target.port, lab.identity)]
  let received = 0
  let arrived = Promise.withResolvers<void>()
  const follow = async (at: number): Promise<void> => {
    const count = frameCounter(framing)
    await connections[at % connections.length]!.follow(request, (chunk) => {
      received += count(chunk)
      if (received >= watchers) arrived.resolve()
    })
  }
  for (let from = 0; from < watchers; from += OPENING)
    await Promise.all(Array.from({ length: Math.min(OPENING, watchers - from) }, (_, at) => follow(from + at)))
  // etcd says first that a watch was created.
  if (framing === 'grpc') await arrived.promise
  const latenciesMs: number[] = []
  const tell = async (): Promise<void> => {
    arrived = Promise.withResolvers<void>()
    received = 0
    const startedMs = performance.now()
    await write()
    await arrived.promise
    latenciesMs.push(performance.now() - startedMs)
  }
  for (let index = 0; index < writes * WARM_UP; index++) await tell()
  latenciesMs.length = 0
  const [beforeMs, startedMs] = [cpuMsOf(target.pid), performance.now()]
  for (let index = 0; index < writes; index++) await tell()
  const [cpuMs, seconds] = [cpuMsOf(target.pid) - beforeMs, (performance.now() - startedMs) / 1000]
  for (const connection of connections) connection[Symbol.dispose]()
  return { count: watchers * writes, seconds, cpuMs, latenciesMs: latenciesMs.sort((a, b) => a - b) }
}
