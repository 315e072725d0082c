/**
 * What does one CPU-second of the API server do, with TLS, authentication, RBAC and a durable store, beside a bare Node server that sends the same bytes over the same
 * TLS? Every request goes over HTTP/2, one connection a client. Usage: node --conditions=source bench/api.ts [--full]
 */
import {
  Connection,
  type KeyPair,
  type Measured,
  measure,
  merged,
  perCpuSecond,
  percentile,
  type Request,
  Server,
} from './api/load.ts'
import { podAt } from './api/pod.ts'

const full = process.argv.includes('--full')
const PODS = full ? 10_000 : 1_000
const WATCHERS = full ? [1_000, 10_000] : [1_000]
const CLIENTS = full ? [1, 16, 128] : [1, 16]
const ROUND_MS = full ? 5_000 : 800
const TURNS = 4
const STREAMS_PER_CONNECTION = 100
const PROTOBUF = { accept: 'application/vnd.kubernetes.protobuf' }
const PODS_PATH = '/api/v1/namespaces/default/pods'
const WATCH = `${PODS_PATH}?watch=true&fieldSelector=metadata.name%3Dweb-5d78c9869d-1`
const ONE = `${PODS_PATH}/web-5d78c9869d-1`

interface Up {
  readonly port: number
  readonly ca: string
  readonly serving: KeyPair
  readonly own: KeyPair
}

await using stack = new AsyncDisposableStack()
const { server: ours, up } = await Server.start<Up>('server.ts')
stack.use(ours)
const { server: bare } = await Server.start('bare.ts')
stack.use(bare)
const { certificate: cert, key } = up.serving
const barePort = await bare.ask<number>({ kind: 'serve', tls: { cert, key, ca: up.ca } })
const open = (port: number, count: number): Connection[] =>
  Array.from({ length: count }, () => new Connection(port, up.ca, up.own))
const [oursConnections, bareConnections] = [open(up.port, 16), open(barePort, 16)]

await ours.ask({ kind: 'fill', count: PODS })
await reads('GET pod', ONE)
await reads(`LIST ${PODS} pods`, PODS_PATH)
await memoryOfLists()
await writes()
for (const watchers of WATCHERS) await watches(watchers)
for (const connection of [...oursConnections, ...bareConnections]) connection[Symbol.dispose]()

function line(name: string, measured: Measured, against?: Measured): void {
  const ratio = against === undefined ? '' : `   ${(perCpuSecond(measured) / perCpuSecond(against)).toFixed(2)} × bare Node`
  const [rate, wall] = [perCpuSecond(measured), measured.count / measured.seconds]
  const latency = `p50 ${percentile(measured, 0.5).toFixed(2)} ms, p99 ${percentile(measured, 0.99).toFixed(2)} ms`
  process.stdout.write(
    `${name.padEnd(34)} ${rate.toFixed(0).padStart(7)}/CPU s ${wall.toFixed(0).padStart(7)}/s   ${latency}${ratio}\n`,
  )
}

/** The same bytes from both, in JSON and in protobuf. */
async function reads(name: string, path: string): Promise<void> {
  for (const [encoding, headers] of [
    ['JSON', {}],
    ['protobuf', PROTOBUF],
  ] as const) {
    const request: Request = { path, headers }
    const bytes = await oursConnections[0]!.send(request)
    await bare.ask({ kind: 'answer', bytes: bytes.toString('base64') })
    const rounds: { readonly bare: Measured[]; readonly ours: Measured[] } = { bare: [], ours: [] }
    // In turns, so that whatever else the machine does slows both; the first turn only warms up.
    for (let turn = 0; turn <= TURNS; turn++) {
      rounds.bare.push(await measure(bare, bareConnections, ROUND_MS / TURNS, () => request))
      rounds.ours.push(await measure(ours, oursConnections, ROUND_MS / TURNS, () => request))
    }
    const reference = merged(rounds.bare.slice(1))
    line(`bare Node, ${(bytes.length / 1024).toFixed(1)} KiB of ${encoding}`, reference)
    line(`${name}, ${encoding}`, merged(rounds.ours.slice(1)), reference)
  }
}

/** How much the server grows while ten clients read the list at once. */
async function memoryOfLists(): Promise<void> {
  const before = await ours.usage()
  let peak = before.rssBytes
  let reading = true
  const watching = (async () => {
    while (reading) peak = Math.max(peak, (await ours.usage()).rssBytes)
  })()
  const lists = await Promise.all(oursConnections.slice(0, 10).map((connection) => connection.send({ path: PODS_PATH })))
  reading = false
  await watching
  const sent = lists.reduce((sum, list) => sum + list.length, 0)
  const grown = ((peak - before.rssBytes) / sent) * 100
  process.stdout.write(
    `${'10 LISTs at once'.padEnd(34)} grow the server by ${grown.toFixed(1)} % of the ${(sent / 1e6).toFixed(0)} MB sent\n`,
  )
}

async function writes(): Promise<void> {
  let name = 1_000_000
  for (const clients of CLIENTS) {
    const [connections, bareOnes] = [open(up.port, clients), open(barePort, clients)]
    const json = { 'content-type': 'application/json' }
    const create = (): Request => ({
      method: 'POST',
      path: PODS_PATH,
      headers: json,
      body: Buffer.from(JSON.stringify(podAt(name++))),
    })
    const patch = (index: number): Request => ({
      method: 'PATCH',
      path: `${PODS_PATH}/web-5d78c9869d-${index % PODS}`,
      headers: { 'content-type': 'application/merge-patch+json' },
      body: Buffer.from(JSON.stringify({ metadata: { annotations: { count: String(index) } } })),
    })
    const reference = await measure(bare, bareOnes, ROUND_MS, create)
    line(`bare Node echoes, ${clients} clients`, reference)
    line(`CREATE pod, ${clients} clients`, await measure(ours, connections, ROUND_MS, create), reference)
    line(`PATCH pod, ${clients} clients`, await measure(ours, connections, ROUND_MS, patch))
    for (const connection of [...connections, ...bareOnes]) connection[Symbol.dispose]()
  }
}

/** Writes, each of which every watcher is told. */
async function watches(watchers: number): Promise<void> {
  const WRITES = full ? 20 : 5
  for (const [encoding, headers] of [
    ['JSON', {}],
    ['protobuf', { accept: `${PROTOBUF.accept};stream=watch` }],
  ] as const) {
    const frame = await frameOf(headers)
    await bare.ask({ kind: 'answer', bytes: Buffer.alloc(frame, 32).toString('base64') })
    const reference = await deliveries(bare, barePort, watchers, WRITES, frame, {}, () => bare.ask({ kind: 'push' }))
    const own = await deliveries(ours, up.port, watchers, WRITES, frame, headers, change)
    process.stdout.write(
      `${`1 write to ${watchers} watchers, ${encoding}`.padEnd(34)} ${own.toFixed(0).padStart(7)}/CPU s   ${(own / reference).toFixed(2)} × bare Node (${reference.toFixed(0)}/CPU s)\n`,
    )
  }
}

/** Always the same size: the revision has as many digits for a while. */
function change(index: number): Promise<unknown> {
  return oursConnections[0]!.send({
    method: 'PATCH',
    path: ONE,
    headers: { 'content-type': 'application/merge-patch+json' },
    body: Buffer.from(JSON.stringify({ metadata: { annotations: { turn: String(index % 10) } } })),
  })
}

async function frameOf(headers: Readonly<Record<string, string>>): Promise<number> {
  const { resourceVersion } = JSON.parse((await oursConnections[0]!.send({ path: `${PODS_PATH}?limit=1` })).toString()).metadata
  const [connection] = open(up.port, 1)
  let size = 0
  const received = Promise.withResolvers<void>()
  await connection!.follow(
    `${WATCH}&resourceVersion=${resourceVersion}`,
    (bytes) => {
      size += bytes
      received.resolve()
    },
    headers,
  )
  await change(9)
  await received.promise
  connection![Symbol.dispose]()
  return size
}

/** Events delivered per CPU-second. */
async function deliveries(
  server: Server,
  port: number,
  watchers: number,
  writes: number,
  frame: number,
  headers: Readonly<Record<string, string>>,
  write: (index: number) => Promise<unknown>,
): Promise<number> {
  const { resourceVersion } = JSON.parse((await oursConnections[0]!.send({ path: `${PODS_PATH}?limit=1` })).toString()).metadata
  const connections = open(port, Math.ceil(watchers / STREAMS_PER_CONNECTION))
  let received = 0
  let arrived = Promise.withResolvers<void>()
  const count = (bytes: number): void => {
    received += bytes
    // Bytes, not chunks: a chunk may hold a part of a frame.
    if (received >= watchers * frame) arrived.resolve()
  }
  const path = `${WATCH}&resourceVersion=${resourceVersion}`
  await Promise.all(
    Array.from({ length: watchers }, (_, at) => connections[at % connections.length]!.follow(path, count, headers)),
  )
  const before = await server.usage()
  for (let index = 0; index < writes; index++) {
    arrived = Promise.withResolvers<void>()
    received = 0
    await write(index)
    await arrived.promise
  }
  const { cpuMs } = await server.usage()
  for (const connection of connections) connection[Symbol.dispose]()
  return (watchers * writes * 1000) / (cpuMs - before.cpuMs)
}
