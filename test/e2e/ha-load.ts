import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { type ConfigMap, configMaps } from '#api'
import { type Client, connectionOf, createClient, httpTransport, readKubeconfig } from '#client'
import { isAlreadyExists, isConflict, isNotFound, StatusError } from '#meta'

/**
 * Writes and reads through several servers in turn, as clients behind a load balancer do, and goes on to the next server when one does not answer. Told `phase NAME` on its
 * standard input it prints what became of the phase before; told `written`, how long a write takes that begins now; told `end` it also reads everything back and prints what was lost.
 * usage: ha-load.ts KUBECONFIG URL...
 */
const [kubeconfig = '', ...urls] = process.argv.slice(2)
const WRITERS = 4
/** So that one run after another finds nothing of its own. */
const RUN = process.pid
/** A server that is silent for as long is given up for this request. */
const ATTEMPT_MS = 2_000
const RETRY_MS = 50
/** And is left out for this long afterwards, as load balancers do. */
const AVOID_MS = 2_000

/** What the demonstration prints of one phase. */
export interface PhaseReport {
  readonly phase: string
  readonly writes: number
  readonly reads: number
  readonly stale: number
  /** The longest that any write, and any read, took until it was acknowledged. */
  readonly slowestWriteMs: number
  readonly slowestReadMs: number
  /** What the slowest write waited for: each attempt with its server, how long it took, and what came of it. */
  readonly slowestWrite: string
  /** Requests that a server did not answer, and were answered by another. */
  readonly failedOver: Readonly<Record<string, number>>
}

export interface LossReport {
  readonly acknowledged: number
  readonly lost: readonly string[]
  readonly doubled: readonly string[]
}

const options = connectionOf(await readKubeconfig(kubeconfig), { directory: dirname(kubeconfig) })
const transports = urls.map((server) => httpTransport({ ...options, server }))
const servers = transports.map((transport, index) => ({ url: urls[index]!, client: createClient(transport), avoidedUntilMs: 0 }))
/** Acknowledged values by name, and how often each counter was raised with an acknowledgement. */
const values = new Map<string, string>()
const counts = new Map<string, number>()
let turn = 0
let stopped = false
let report = fresh('start')

function fresh(phase: string) {
  return {
    phase,
    writes: 0,
    reads: 0,
    stale: 0,
    slowestWriteMs: 0,
    slowestReadMs: 0,
    slowestWrite: '',
    failedOver: {} as Record<string, number>,
  }
}

/** Asks one server after the other until one answers; `attempt` is told whether an earlier one may have done it already. */
async function through<T>(
  attempt: (client: Client, signal: AbortSignal, isAgain: boolean) => Promise<T>,
  parts: string[] = [],
): Promise<T> {
  for (let count = 0; ; count++) {
    const server = next()
    const { url, client } = server
    const startedMs = performance.now()
    const note = (what: string): void =>
      void parts.push(`${new URL(url).hostname} ${what} ${Math.round(performance.now() - startedMs)} ms`)
    try {
      const result = await attempt(client, AbortSignal.timeout(ATTEMPT_MS), count > 0)
      note('answered after')
      return result
    } catch (error) {
      note(error instanceof StatusError ? `failed with ${error.status.code} after` : 'was silent or gone for')
      // What client-go's callers repeat: no answer, or an answer that says so.
      if (error instanceof StatusError && error.status.code! < 500 && error.status.code !== 429) throw error
      server.avoidedUntilMs = performance.now() + AVOID_MS
      report.failedOver[url] = (report.failedOver[url] ?? 0) + 1
      await pause(Math.min(RETRY_MS * count, 500))
    }
  }
}

/** The next in turn that is not avoided; when every one is, the one that failed first. */
function next(): (typeof servers)[number] {
  const inTurn = servers.map((_, index) => servers[(turn + index) % servers.length]!)
  const found =
    inTurn.find(({ avoidedUntilMs }) => avoidedUntilMs < performance.now()) ??
    inTurn.toSorted((a, b) => a.avoidedUntilMs - b.avoidedUntilMs)[0]!
  turn = servers.indexOf(found) + 1
  return found
}

async function timed<T>(key: 'slowestWriteMs' | 'slowestReadMs', work: (parts: string[]) => Promise<T>): Promise<T> {
  const startedMs = performance.now()
  const parts: string[] = []
  const result = await work(parts)
  const tookMs = Math.round(performance.now() - startedMs)
  if (key === 'slowestWriteMs' && tookMs > report.slowestWriteMs) report.slowestWrite = parts.join(', ')
  report[key] = Math.max(report[key], tookMs)
  return result
}

async function write(writer: number): Promise<void> {
  const counter = `counter-${RUN}-${writer}`
  for (let count = 0; !stopped; count++) {
    const name = `w${RUN}-${writer}-${count}`
    await writeOne(name)
    await timed('slowestWriteMs', (parts) => raise(counter, name, parts))
    counts.set(counter, (counts.get(counter) ?? 0) + 1)
    report.writes++
    const seen = await timed('slowestReadMs', () =>
      through((client, signal) => client.find(configMaps, `default/${name}`, { signal })),
    )
    if (seen?.data?.['value'] !== `value-${name}`) report.stale++
    report.reads++
  }
}

async function writeOne(name: string): Promise<void> {
  await timed('slowestWriteMs', (parts) => create(name, `value-${name}`, parts))
  values.set(name, `value-${name}`)
  report.writes++
}

async function create(name: string, value: string, parts: string[]): Promise<void> {
  await through(async (client, signal, isAgain) => {
    try {
      await client.create(configMaps, { metadata: { name, namespace: 'default' }, data: { value } }, { signal })
    } catch (error) {
      // Done by an attempt that nobody answered: names are used once.
      if (!isAgain || !isAlreadyExists(error)) throw error
    }
  }, parts)
}

/** Adds one to a counter, and notes by whom, so that an attempt without an answer is not repeated when it was done. */
async function raise(name: string, by: string, parts: string[]): Promise<void> {
  await through(async (client, signal) => {
    for (;;) {
      try {
        const found = await client.find(configMaps, `default/${name}`, { signal })
        if (found?.data?.['by'] === by) return
        const next: ConfigMap = {
          metadata: { name, namespace: 'default' },
          data: { count: String(Number(found?.data?.['count'] ?? 0) + 1), by },
        }
        if (found === undefined) await client.create(configMaps, next, { signal })
        else await client.update(configMaps, { ...found, data: next.data! }, { signal })
        return
      } catch (error) {
        if (!isConflict(error) && !isAlreadyExists(error) && !isNotFound(error)) throw error
      }
    }
  }, parts)
}

async function losses(): Promise<LossReport> {
  const { items } = await through((client, signal) => client.list(configMaps, { namespace: 'default', signal }))
  const found = new Map(items.map((item) => [item.metadata?.name ?? '', item.data ?? {}]))
  const lost = [...values].filter(([name, value]) => found.get(name)?.['value'] !== value).map(([name]) => name)
  const doubled: string[] = []
  for (const [name, count] of counts) {
    const there = Number(found.get(name)?.['count'])
    if (there < count) lost.push(`${name}: ${there} of ${count}`)
    else if (there > count) doubled.push(`${name}: ${there} of ${count}`)
  }
  return { acknowledged: values.size + [...counts.values()].reduce((sum, each) => sum + each, 0), lost, doubled }
}

const writing = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)))
for await (const line of createInterface({ input: process.stdin })) {
  const [word, name = ''] = line.split(' ')
  if (word === 'end') break
  if (word === 'written') {
    const startedMs = performance.now()
    await writeOne(`probe-${RUN}-${values.size}`)
    process.stdout.write(`${Math.round(performance.now() - startedMs)}\n`)
    continue
  }
  process.stdout.write(`${JSON.stringify(report satisfies PhaseReport)}\n`)
  report = fresh(name)
}
stopped = true
await writing
process.stdout.write(`${JSON.stringify(report)}\n${JSON.stringify(await losses())}\n`)
for (const transport of transports) await transport[Symbol.asyncDispose]()
