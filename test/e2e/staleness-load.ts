import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type ConfigMap, configMaps } from '#api'
import { connectionOf, createClient, httpTransport, readKubeconfig } from '#client'

/**
 * How far behind are servers that were not written to? Raises a number through one server, and meanwhile watches it and reads it at `resourceVersion=0` through the others,
 * all on the clock of this process. Prints a report.
 * usage: staleness-load.ts KUBECONFIG WRITES URL...
 */
const [kubeconfig = '', writes = '', writtenTo = '', ...others] = process.argv.slice(2)
const WRITES = Number(writes)
const NAME = 'staleness'
/** Between two writes: many more a second would measure how busy this machine is. */
const PAUSE_MS = 10
/** A server further behind has lost its store. */
const LATE_MS_MAX = 10_000

/** Milliseconds. */
export interface Distribution {
  readonly count: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

export interface StalenessReport {
  /** From the acknowledgement of a write until another server's default watch told of it; 0 where it was told before. */
  readonly watches: Distribution
  /** By how much reads at `resourceVersion=0` from another server were behind the last write that was acknowledged before they were asked. */
  readonly reads: Distribution
  readonly staleReads: number
}

const options = connectionOf(await readKubeconfig(kubeconfig), { directory: dirname(kubeconfig) })
const clientOf = (server: string) => createClient(httpTransport({ ...options, server }))
/** When each number was acknowledged. */
const acknowledgedMs: number[] = []
const watchMs: number[] = []
const readMs: number[] = []
let done = false

const numberOf = (object: object): number => Number((object as ConfigMap).data?.['number'] ?? 0)

async function follow(url: string, since: string): Promise<void> {
  const client = clientOf(url)
  const toldMs: number[] = []
  const events = client.watch(configMaps, {
    namespace: 'default',
    fieldSelector: `metadata.name=${NAME}`,
    resourceVersion: since,
    signal: AbortSignal.timeout(WRITES * PAUSE_MS * 20 + LATE_MS_MAX),
  })
  for await (const { object } of events) {
    toldMs[numberOf(object)] = performance.now()
    if (numberOf(object) === WRITES) break
  }
  // The answer to the last write may come after the event.
  while (acknowledgedMs[WRITES] === undefined) await pause(1)
  for (let number = 1; number <= WRITES; number++) watchMs.push(Math.max(0, toldMs[number]! - acknowledgedMs[number]!))
}

async function read(url: string): Promise<void> {
  const client = clientOf(url)
  const query = new URLSearchParams({ resourceVersion: '0' })
  while (!done) {
    const askedMs = performance.now()
    const last = acknowledgedMs.length - 1
    const seen = numberOf(await get(client, query))
    // What came next was acknowledged before the read was asked, and it does not know.
    readMs.push(seen >= last ? 0 : askedMs - acknowledgedMs[seen + 1]!)
  }
}

async function get(client: ReturnType<typeof clientOf>, query: URLSearchParams): Promise<object> {
  const response = await client.request({ method: 'GET', path: `/api/v1/namespaces/default/configmaps/${NAME}`, query })
  if (response.body.kind !== 'bytes') throw new Error(`answered with ${response.body.kind}`)
  return JSON.parse(Buffer.from(response.body.bytes).toString()) as object
}

function distributionOf(values: readonly number[]): Distribution {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number =>
    Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1))
  return { count: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
}

const writer = clientOf(writtenTo)
await writer.delete(configMaps, `default/${NAME}`).catch(() => undefined)
let current = await writer.create(configMaps, { metadata: { name: NAME, namespace: 'default' }, data: { number: '0' } })
acknowledgedMs.push(performance.now())
const following = others.map((url) => follow(url, current.metadata?.resourceVersion ?? ''))
const reading = others.map(read)
for (let number = 1; number <= WRITES; number++) {
  current = await writer.update(configMaps, { ...current, data: { number: String(number) } })
  acknowledgedMs.push(performance.now())
  await pause(PAUSE_MS)
}
await Promise.all(following)
done = true
await Promise.all(reading)
const report: StalenessReport = {
  watches: distributionOf(watchMs),
  reads: distributionOf(readMs),
  staleReads: readMs.filter((ms) => ms > 0).length,
}
process.stdout.write(`${JSON.stringify(report)}\n`)
process.exit(0)
