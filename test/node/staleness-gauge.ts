import { type ConfigMap, configMaps } from '#api'
import { systemClock, TaskGroup } from '#base'
import type { Client } from '#client'
import { isConflict } from '#meta'

const NAME = 'staleness-gauge'
const KEY = `default/${NAME}`
const PATH = `/api/v1/namespaces/default/configmaps/${NAME}`
/** Between two writes, and two reads of one server. */
const PAUSE_MS = 10
/** A writer that is not answered goes on to the next server. */
const ATTEMPT_MS = 2_500

/** In milliseconds, at most: how long ago what a server did not show yet had been acknowledged. */
export interface Ages {
  /** When a watch told of it. */
  readonly watchMs: number
  /** When a read at `resourceVersion=0` was asked. */
  readonly readMs: number
}

interface Gauged {
  readonly client: Client
  /** The last numbers that it told and showed. */
  told: number
  shown: number
  watchMs: number
  readMs: number
}

/** Raises a number through the first server that answers, and meanwhile watches and reads it through each, all on the clock of this process. */
export class StalenessGauge implements AsyncDisposable {
  readonly #servers: ReadonlyMap<string, Gauged>
  readonly #tasks: TaskGroup
  /** When each number was acknowledged; those that were not have none. */
  readonly #acknowledgedMs: (number | undefined)[] = []
  readonly #waiting = new Set<() => void>()
  #failure: { readonly error: unknown } | undefined

  private constructor(servers: ReadonlyMap<string, Gauged>) {
    this.#servers = servers
    this.#tasks = new TaskGroup({
      onError: (error) => {
        this.#failure ??= { error }
        this.#tell()
      },
    })
  }

  static async start(clients: Readonly<Record<string, Client>>, writers: readonly string[]): Promise<StalenessGauge> {
    const entries = Object.entries(clients).map(([name, client]): [string, Gauged] => [
      name,
      { client, told: 0, shown: 0, watchMs: 0, readMs: 0 },
    ])
    const gauge = new StalenessGauge(new Map(entries))
    await clients[writers[0]!]!.create(configMaps, { metadata: { name: NAME, namespace: 'default' }, data: { number: '0' } })
    gauge.#acknowledgedMs.push(systemClock.monotonic())
    // Who has shown it once shows it from then on, to reads that may be old as well.
    await Promise.all(Object.values(clients).map((client) => client.get(configMaps, KEY)))
    gauge.#tasks.spawn((signal) =>
      gauge.#write(
        writers.map((name) => clients[name]!),
        signal,
      ),
    )
    for (const server of gauge.#servers.values()) {
      gauge.#tasks.spawn((signal) => gauge.#follow(server, signal))
      gauge.#tasks.spawn((signal) => gauge.#read(server, signal))
    }
    for (const name of gauge.#servers.keys()) await gauge.current(name)
    gauge.next()
    return gauge
  }

  /** Begins to measure anew. */
  next(): void {
    for (const server of this.#servers.values()) Object.assign(server, { watchMs: 0, readMs: 0 })
  }

  /** Since `next`. */
  ages(name: string): Ages {
    const { watchMs, readMs } = this.#servers.get(name)!
    return { watchMs: Math.round(watchMs), readMs: Math.round(readMs) }
  }

  /** The newest number that was acknowledged. */
  get acknowledged(): number {
    return this.#acknowledgedMs.length - 1
  }

  /** What a read without a `resourceVersion` shows. */
  async latest(name: string, signal: AbortSignal): Promise<number> {
    return numberOf(await this.#servers.get(name)!.client.get(configMaps, KEY, { signal }))
  }

  /** Resolves once a server has told of a write and shown it that began after this was called, to how many milliseconds that took. Throws what a reader failed with. */
  async current(name: string): Promise<number> {
    const server = this.#servers.get(name)!
    const startedMs = systemClock.monotonic()
    const since = this.acknowledged + 1
    while (Math.min(server.told, server.shown, this.acknowledged) <= since) {
      if (this.#failure !== undefined) throw this.#failure.error
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
    return Math.round(systemClock.monotonic() - startedMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]()
  }

  async #write(clients: readonly Client[], signal: AbortSignal): Promise<void> {
    let [number, current] = [0, undefined as ConfigMap | undefined]
    for (let turn = 0; !signal.aborted; ) {
      const client = clients[turn % clients.length]!
      const attempt = AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)])
      try {
        // What an earlier attempt without an answer did, or will do, is under the same condition.
        current ??= await client.get(configMaps, KEY, { signal: attempt })
        number++
        current = await client.update(configMaps, { ...current, data: { number: String(number) } }, { signal: attempt })
        this.#acknowledgedMs[number] = systemClock.monotonic()
        this.#tell()
      } catch (error) {
        signal.throwIfAborted()
        current = undefined
        if (!isConflict(error)) turn++
      }
      await systemClock.sleep(PAUSE_MS, { signal })
    }
  }

  async #follow(server: Gauged, signal: AbortSignal): Promise<void> {
    while (!signal.aborted)
      try {
        const { metadata, items } = await server.client.list(configMaps, { namespace: 'default', fieldSelector: FIELD, signal })
        this.#toldOf(server, items[0])
        const options = { namespace: 'default', fieldSelector: FIELD, resourceVersion: metadata.resourceVersion, signal }
        for await (const { object } of server.client.watch(configMaps, options)) this.#toldOf(server, object)
      } catch {
        // It is taken again.
        await systemClock.sleep(PAUSE_MS, { signal })
      }
  }

  #toldOf(server: Gauged, object: ConfigMap | undefined): void {
    const number = numberOf(object)
    // It may be told before it is acknowledged.
    const acknowledgedMs = this.#acknowledgedMs[number] ?? Number.POSITIVE_INFINITY
    server.watchMs = Math.max(server.watchMs, systemClock.monotonic() - acknowledgedMs)
    server.told = number
    this.#tell()
  }

  async #read(server: Gauged, signal: AbortSignal): Promise<void> {
    const query = new URLSearchParams({ resourceVersion: '0' })
    while (!signal.aborted) {
      const [askedMs, newest] = [systemClock.monotonic(), this.acknowledged]
      const { body } = await server.client.request({ method: 'GET', path: PATH, query, signal })
      if (body.kind !== 'bytes') throw new Error(`a read was answered with ${body.kind}`)
      server.shown = numberOf(JSON.parse(Buffer.from(body.bytes).toString()) as ConfigMap)
      // The first of those that it does not show and that had been acknowledged before it was asked.
      const missed = this.#acknowledgedMs.slice(server.shown + 1, newest + 1).find((ms) => ms !== undefined)
      if (missed !== undefined) server.readMs = Math.max(server.readMs, askedMs - missed)
      this.#tell()
      await systemClock.sleep(PAUSE_MS, { signal })
    }
  }

  #tell(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}

const FIELD = `metadata.name=${NAME}`
const numberOf = (object: ConfigMap | undefined): number => Number(object?.data?.['number'] ?? 0)
