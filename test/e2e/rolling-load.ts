import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { configMaps } from '#api'
import { nullLog, systemClock, systemRandom } from '#base'
import {
  connectionOf,
  createClient,
  failoverTransport,
  httpTransport,
  Informers,
  readKubeconfig,
  retryTransport,
  ServerList,
  writeKubeconfig,
} from '#client'

/**
 * Clients that must not notice that servers are restarted: workers of ours, which know all servers and retry as client-go does, one informer, and kubectl behind a TCP load
 * balancer that looks at `/readyz`. Prints a report once told `end`.
 * usage: rolling-load.ts KUBECONFIG URL...
 */
const [kubeconfig = '', ...urls] = process.argv.slice(2)
const WORKERS = 3
const CHECK_MS = 200
const CHECK_MS_MAX = 1_000
const run = promisify(execFile)
/** Of what this run makes. */
const id = randomUUID().slice(0, 8)

/** What the rolling restart prints. */
export interface RollingReport {
  readonly requests: number
  /** Requests that their callers saw fail, as sentences. */
  readonly failed: readonly string[]
  readonly slowestMs: number
  readonly kubectl: { readonly runs: number; readonly failed: readonly string[] }
  readonly informer: { readonly told: number; readonly missing: number; readonly doubled: number }
}

const options = connectionOf(await readKubeconfig(kubeconfig), { directory: dirname(kubeconfig) })
const rotated = (by: number) => urls.map((_, index) => urls[(index + by) % urls.length]!) as [string, ...string[]]
const clientFrom = (first: number) =>
  createClient(
    retryTransport(
      failoverTransport(new ServerList(rotated(first)), (server) => httpTransport({ ...options, server })),
      systemClock,
    ),
  )

const failed: string[] = []
const kubectl = { runs: 0, failed: [] as string[] }
let requests = 0
let slowestMs = 0
let stopped = false

async function work(worker: number): Promise<string[]> {
  const client = clientFrom(worker)
  const names: string[] = []
  const step = async <T>(what: string, call: () => Promise<T>): Promise<T | undefined> => {
    const startedMs = performance.now()
    requests++
    try {
      return await call()
    } catch (error) {
      failed.push(`${what}: ${String(error)} ${String((error as Error).cause ?? '')}`)
      return undefined
    } finally {
      slowestMs = Math.max(slowestMs, Math.round(performance.now() - startedMs))
    }
  }
  for (let count = 0; !stopped; count++) {
    const name = `rolling-${id}-${worker}-${count}`
    const object = { metadata: { name, namespace: 'default', labels: { rolling: id } }, data: { value: '1' } }
    const made = await step('create', () => client.create(configMaps, object))
    if (made === undefined) continue
    names.push(name)
    await step('update', () => client.update(configMaps, { ...made, data: { value: '2' } }))
    const read = await step('get', () => client.get(configMaps, `default/${name}`))
    if (read !== undefined && read.data?.['value'] !== '2') failed.push(`${name} is older than what was acknowledged`)
    if (count % 10 === 0) await step('list', () => client.list(configMaps, { namespace: 'default', limit: 50 }))
  }
  return names
}

/** Whoever is up, as far as the balancer knows. */
const up = new Set<string>()

async function check(url: string): Promise<void> {
  const transport = httpTransport({ ...options, server: url, certificate: undefined, key: undefined })
  try {
    const { status } = await transport.request({ method: 'GET', path: '/readyz', signal: AbortSignal.timeout(CHECK_MS_MAX) })
    if (status === 200) up.add(url)
    else up.delete(url)
  } catch {
    up.delete(url)
  } finally {
    await transport[Symbol.asyncDispose]()
  }
}

async function checkAlways(url: string): Promise<void> {
  for (; !stopped; await pause(CHECK_MS)) await check(url)
}

let turn = 0
/** Carries bytes to one of those who are up, or to the next when that one refuses. */
function carry(socket: Socket, tries = urls.length): void {
  const alive = urls.filter((url) => up.has(url))
  const url = alive[turn++ % alive.length]
  if (url === undefined || tries === 0) {
    socket.destroy()
    return
  }
  const { hostname, port } = new URL(url)
  const upstream = connect(Number(port), hostname)
  upstream.once('error', () => carry(socket, tries - 1))
  upstream.once('connect', () => {
    upstream.removeAllListeners('error')
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const)
      one.on('error', () => other.destroy()).on('close', () => other.destroy())
    socket.pipe(upstream).pipe(socket)
  })
}

async function useKubectl(): Promise<void> {
  const balancer = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    carry(socket)
  })
  await new Promise<void>((resolve) => balancer.listen(0, '127.0.0.1', resolve))
  const { port } = balancer.address() as { port: number }
  const file = join(dirname(kubeconfig), `kubeconfig-${id}`)
  const config = await readKubeconfig(kubeconfig)
  const clusters = config.clusters?.map((each) => ({
    ...each,
    cluster: { ...each.cluster, server: `https://127.0.0.1:${port}` },
  }))
  writeFileSync(file, '', { mode: 0o600 })
  await writeKubeconfig(file, { ...config, ...(clusters !== undefined && { clusters }) })
  const call = async (...words: string[]): Promise<void> => {
    kubectl.runs++
    await run('kubectl', ['--kubeconfig', file, ...words]).catch((error: Error & { stderr?: string }) =>
      kubectl.failed.push(`${words.join(' ')}: ${error.stderr ?? error.message}`),
    )
  }
  for (let count = 0; !stopped; count++) {
    await call('create', 'configmap', `kubectl-${id}-${count}`, '--from-literal=a=b')
    await call('get', 'configmap', `kubectl-${id}-${count}`, '-o', 'name')
  }
  balancer.close()
}

const told = new Map<string, number>()
const informers = new Informers({ client: clientFrom(0), clock: systemClock, random: systemRandom, log: nullLog })
const informer = informers.for(configMaps, { namespace: 'default', labelSelector: `rolling=${id}` })
informer.onChange(({ before, after }) => {
  const name = after?.metadata?.name ?? ''
  if (before === undefined) told.set(name, (told.get(name) ?? 0) + 1)
})
await Promise.all([informers.synced(), ...urls.map(check)])
const working = Array.from({ length: WORKERS }, (_, worker) => work(worker))
const others = [useKubectl(), ...urls.map(checkAlways)]
process.stdout.write('begun\n')
for await (const line of createInterface({ input: process.stdin })) if (line === 'end') break
stopped = true
const names = (await Promise.all(working)).flat()
await Promise.all(others)
// What was written last is told soon.
for (let count = 0; count < 100 && names.some((name) => !told.has(name)); count++) await pause(50)
const report: RollingReport = {
  requests,
  failed,
  slowestMs,
  kubectl,
  informer: {
    told: told.size,
    missing: names.filter((name) => !told.has(name)).length,
    doubled: [...told.values()].filter((times) => times > 1).length,
  },
}
process.stdout.write(`${JSON.stringify(report)}\n`)
process.exit(0)
