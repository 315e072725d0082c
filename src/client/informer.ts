import type { ResourceDefinition } from '#api'
import { type Clock, deepFreeze, type Log, type Random, TaskGroup } from '#base'
import {
  compileSelector,
  isGone,
  isNotFound,
  isTooManyRequests,
  type KubernetesObject,
  keyOf,
  type LabelSelector,
  matches,
  type ObjectKey,
  qualifiedResource,
} from '#meta'
import type { Client, SelectorOptions } from './client.ts'
import type { ObjectChange, Source, Sources } from './sources.ts'

const BACKOFF_MIN_MS = 800
const BACKOFF_MAX_MS = 30_000
/** A watch is asked to end after five to ten minutes, so that a silent break can't last. */
const WATCH_SECONDS_MIN = 300

export type InformerOptions = Pick<SelectorOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>

export interface InformerDependencies {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/**
 * The objects of one kind and selection, kept current by a list and a watch. After a gap the state is right again by the next relist: handlers then
 * are told the difference. Objects are frozen and shared. Handlers run in order and must not throw.
 */
export class Informer<T extends KubernetesObject> implements Source<T> {
  readonly #resource: ResourceDefinition<T>
  readonly #options: InformerOptions
  readonly #dependencies: InformerDependencies
  readonly #items = new Map<ObjectKey, T>()
  readonly #handlers = new Set<(change: ObjectChange<T>) => void>()
  readonly #indexes = new Map<string, Index<T>>()
  readonly #firstList = Promise.withResolvers<void>()
  #isSynced = false

  constructor(resource: ResourceDefinition<T>, options: InformerOptions, dependencies: InformerDependencies) {
    this.#resource = resource
    this.#options = options
    this.#dependencies = dependencies
    this.#firstList.promise.catch(() => undefined)
  }

  get size(): number {
    return this.#items.size
  }

  get isSynced(): boolean {
    return this.#isSynced
  }

  get(key: ObjectKey): T | undefined {
    return this.#items.get(key)
  }

  list(options: { readonly namespace?: string | undefined; readonly selector?: LabelSelector | undefined } = {}): readonly T[] {
    const { namespace, selector } = options
    const all = [...this.#items.values()]
    if (namespace === undefined && selector === undefined) return all
    const requirements = selector === undefined ? [] : compileSelector(selector)
    return all.filter(
      ({ metadata }) => (namespace === undefined || metadata?.namespace === namespace) && matches(requirements, metadata?.labels),
    )
  }

  /** Objects by a value computed from each; kept up to date with every change. */
  addIndex(name: string, valuesOf: (object: T) => readonly string[]): void {
    if (this.#indexes.has(name)) return
    const index: Index<T> = { valuesOf, keys: new Map() }
    this.#indexes.set(name, index)
    for (const [key, object] of this.#items) addTo(index, key, object)
  }

  byIndex(name: string, value: string): readonly T[] {
    const index = this.#indexes.get(name)
    if (index === undefined) throw new Error(`no index ${name} of ${qualifiedResource(this.#resource)}`)
    return [...(index.keys.get(value) ?? [])].map((key) => this.#items.get(key)!)
  }

  onChange(handler: (change: ObjectChange<T>) => void): Disposable {
    this.#handlers.add(handler)
    for (const after of this.#items.values()) handler({ after })
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) }
  }

  async synced(signal?: AbortSignal): Promise<void> {
    if (signal === undefined) return this.#firstList.promise
    signal.throwIfAborted()
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await Promise.race([this.#firstList.promise, aborted])
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Lists and watches until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#dependencies
    let failures = 0
    let since: string | undefined
    signal.addEventListener('abort', () => this.#firstList.reject(signal.reason), { once: true })
    while (!signal.aborted) {
      try {
        since ??= await this.#relist(signal)
        failures = 0
        since = await this.#watch(since, signal)
      } catch (error) {
        if (signal.aborted) return
        since = undefined
        // History that is gone is nothing to wait for: the list is the remedy.
        if (isGone(error)) continue
        // A kind that is not served has no objects; whoever waits for all kinds waits for the others. It may come yet.
        if (isNotFound(error)) this.#firstList.resolve()
        failures++
        const backoffMs = Math.min(BACKOFF_MIN_MS * 2 ** (failures - 1), BACKOFF_MAX_MS) * (1 + random.float())
        const level = isTooManyRequests(error) || failures < 3 ? 'debug' : 'warn'
        log[level]('Listing or watching failed', { resource: qualifiedResource(this.#resource), failures, error })
        try {
          await clock.sleep(backoffMs, { signal })
        } catch {
          return
        }
      }
    }
  }

  async #relist(signal: AbortSignal): Promise<string> {
    const list = await this.#dependencies.client.list(this.#resource, { ...this.#options, signal })
    const present = new Set<ObjectKey>()
    for (const item of list.items) {
      present.add(keyOf(item))
      this.#set(item)
    }
    for (const key of [...this.#items.keys()]) if (!present.has(key)) this.#delete(key, undefined)
    this.#isSynced = true
    this.#firstList.resolve()
    return list.metadata.resourceVersion ?? ''
  }

  /** Follows changes; resolves with the revision to go on from when the server ends the watch. */
  async #watch(since: string, signal: AbortSignal): Promise<string> {
    let revision = since
    const timeoutSeconds = Math.floor(WATCH_SECONDS_MIN * (1 + this.#dependencies.random.float()))
    const events = this.#dependencies.client.watch(this.#resource, {
      ...this.#options,
      resourceVersion: since,
      allowWatchBookmarks: true,
      timeoutSeconds,
      signal,
    })
    for await (const event of events) {
      revision = event.object.metadata?.resourceVersion ?? revision
      if (event.type === 'DELETED') this.#delete(keyOf(event.object), event.object)
      else if (event.type !== 'BOOKMARK') this.#set(event.object)
    }
    return revision
  }

  #set(object: T): void {
    const key = keyOf(object)
    const before = this.#items.get(key)
    const after = deepFreeze(object)
    if (before?.metadata?.resourceVersion === after.metadata?.resourceVersion && before !== undefined) return
    for (const index of this.#indexes.values()) {
      if (before !== undefined) removeFrom(index, key, before)
      addTo(index, key, after)
    }
    this.#items.set(key, after)
    this.#tell({ before, after })
  }

  #delete(key: ObjectKey, last: T | undefined): void {
    const before = this.#items.get(key)
    if (before === undefined) return
    for (const index of this.#indexes.values()) removeFrom(index, key, before)
    this.#items.delete(key)
    this.#tell({ before: last === undefined ? before : deepFreeze(last) })
  }

  #tell(change: ObjectChange<T>): void {
    for (const handler of this.#handlers) handler(change)
  }
}

interface Index<T> {
  readonly valuesOf: (object: T) => readonly string[]
  readonly keys: Map<string, Set<ObjectKey>>
}

function addTo<T>({ valuesOf, keys }: Index<T>, key: ObjectKey, object: T): void {
  for (const value of valuesOf(object)) {
    const set = keys.get(value)
    if (set === undefined) keys.set(value, new Set([key]))
    else set.add(key)
  }
}

function removeFrom<T>({ valuesOf, keys }: Index<T>, key: ObjectKey, object: T): void {
  for (const value of valuesOf(object)) {
    const set = keys.get(value)
    set?.delete(key)
    if (set?.size === 0) keys.delete(value)
  }
}

/** The informers of one component, one for each kind and selection, shared by all its parts. Starts each when it is first asked for. */
export class Informers implements Sources, AsyncDisposable {
  readonly #dependencies: InformerDependencies
  readonly #tasks: TaskGroup
  readonly #informers = new Map<string, Informer<KubernetesObject>>()

  constructor(dependencies: InformerDependencies) {
    this.#dependencies = dependencies
    this.#tasks = new TaskGroup({ onError: (error) => dependencies.log.error('An informer stopped', { error }) })
  }

  for<T extends KubernetesObject>(resource: ResourceDefinition<T>, options: InformerOptions = {}): Informer<T> {
    const id = JSON.stringify([
      resource.group,
      resource.version,
      resource.names.plural,
      options.namespace,
      options.labelSelector,
      options.fieldSelector,
    ])
    let informer = this.#informers.get(id)
    if (informer === undefined) {
      const started = new Informer<T>(resource, options, this.#dependencies)
      this.#tasks.spawn((signal) => started.run(signal))
      informer = started as unknown as Informer<KubernetesObject>
      this.#informers.set(id, informer)
    }
    return informer as unknown as Informer<T>
  }

  /** Resolves once every informer asked for so far has its first list. */
  async synced(signal?: AbortSignal): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.synced(signal)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]()
  }
}
