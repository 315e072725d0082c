import { type ConfigMap, configMaps } from '#api'
import { type Clock, type Log, TaskGroup } from '#base'
import { type Client, WorkQueue } from '#client'
import { formatTime, isAlreadyExists, isConflict, isNotFound } from '#meta'
import type { WatchCache } from '../watch-cache/watch-cache.ts'

const NAMESPACE = 'kube-system'
const NAME = 'kube-apiserver-legacy-service-account-token-tracking'
const KEY = `${NAMESPACE}/${NAME}`
const SINCE = 'since'
/** Servers of older versions, which delete it, are not fought with. */
const CREATION_PAUSE_MS = 30 * 60_000

interface Dependencies {
  readonly client: Client
  readonly cache: WatchCache
  readonly clock: Clock
  readonly log: Log
}

/** Keeps the ConfigMap that says since when uses of tokens in Secrets are known of (KEP-2799). */
export class LegacyTokenTracking implements AsyncDisposable {
  readonly #dependencies: Dependencies
  readonly #queue: WorkQueue
  readonly #tasks: TaskGroup
  readonly #subscriptions = new DisposableStack()
  #createdAtMs: number | undefined

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#queue = new WorkQueue(dependencies.clock)
    const onError = (error: unknown): void => dependencies.log.error('The tracking of legacy tokens is not kept', { error })
    this.#tasks = new TaskGroup({ onError })
  }

  /** Resolves once it is there, or could not be made for now. */
  async start(): Promise<void> {
    // By its key: an object that can't be read is nobody's concern here.
    const { cache } = this.#dependencies
    this.#subscriptions.use(cache.of(configMaps).subscribe(({ version }) => version.key === KEY && this.#queue.add(KEY)))
    await this.#attempt()
    this.#tasks.spawn(() => this.#work())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscriptions.dispose()
    this.#queue[Symbol.dispose]()
    await this.#tasks[Symbol.asyncDispose]()
  }

  async #work(): Promise<void> {
    for (let key = await this.#queue.take(); key !== undefined; key = await this.#queue.take()) {
      await this.#attempt()
      this.#queue.done(key)
    }
  }

  async #attempt(): Promise<void> {
    try {
      await this.#sync()
      this.#queue.forget(KEY)
    } catch (error) {
      this.#dependencies.log.debug('The tracking of legacy tokens could not be kept', { error })
      this.#queue.addRateLimited(KEY)
    }
  }

  async #sync(): Promise<void> {
    const { client, clock, cache } = this.#dependencies
    const today = formatTime(clock.now()).slice(0, 10)
    const found = cache.of(configMaps).get(KEY)?.object as ConfigMap | undefined
    try {
      if (found === undefined) {
        const waitMs = this.#createdAtMs === undefined ? 0 : this.#createdAtMs + CREATION_PAUSE_MS - clock.monotonic()
        if (waitMs > 0) return this.#queue.addAfter(KEY, waitMs)
        await client.create(configMaps, {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: NAME, namespace: NAMESPACE },
          data: { [SINCE]: today },
        })
        this.#createdAtMs = clock.monotonic()
      } else if (!isDay(found.data?.[SINCE])) {
        await client.update(configMaps, { ...found, data: { ...found.data, [SINCE]: today } })
      }
    } catch (error) {
      // Another server was first, or what is there now comes as a change.
      if (!isAlreadyExists(error) && !isConflict(error) && !isNotFound(error)) throw error
    }
  }
}

const isDay = (text = ''): boolean => /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(`${text}T00:00:00Z`))
