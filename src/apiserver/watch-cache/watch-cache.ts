import type { ResourceDefinition } from '#api'
import { type Log, TaskGroup } from '#base'
import { type Revision, type Store, WatchOverflow } from '#store'
import { versionOf } from '../registry/object-version.ts'
import { keyWithin, storagePrefix } from '../storage-keys.ts'
import { ResourceCache } from './resource-cache.ts'

const ROOT = '/registry/'

interface Waiter {
  readonly revision: Revision
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * All objects of the store, parsed and in order, following one watch of it. Reads wait until the cache has reached the revision they must
 * see, so that a client never reads less than it has written or seen.
 */
export class WatchCache implements AsyncDisposable {
  readonly #store: Store
  readonly #caches = new Map<string, ResourceCache>()
  readonly #tasks: TaskGroup
  #waiters: Waiter[] = []
  #revision: Revision
  #failure: Error | undefined

  constructor(store: Store, revision: Revision, log: Log) {
    this.#store = store
    this.#revision = revision
    this.#tasks = new TaskGroup({
      onError: (error) => {
        log.error('The watch cache lost the store', { error })
        this.#fail(error instanceof Error ? error : new Error(String(error)))
      },
    })
  }

  static async open(store: Store, resources: readonly ResourceDefinition[], log: Log): Promise<WatchCache> {
    const { entries, revision } = await store.list(ROOT)
    const cache = new WatchCache(store, revision, log)
    for (const resource of resources) cache.#add(resource)
    for (const entry of entries) {
      const target = cache.#cacheOfKey(entry.key)
      const key = target && keyWithin(target.prefix, entry.key)
      if (target !== undefined && key !== undefined) target.load(key, versionOf(key, entry))
    }
    cache.#tasks.spawn((signal) => cache.#follow(signal))
    return cache
  }

  /** Everything up to here is in the cache. */
  get revision(): Revision {
    return this.#revision
  }

  of(resource: ResourceDefinition): ResourceCache {
    const cache = this.#caches.get(storagePrefix(resource))
    if (cache === undefined) throw new Error(`${resource.names.plural} are not stored`)
    return cache
  }

  all(): Iterable<ResourceCache> {
    return this.#caches.values()
  }

  /** Resolves once the cache shows `revision`. */
  async reached(revision: Revision): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#revision >= revision) return
    await new Promise<void>((resolve, reject) => this.#waiters.push({ revision, resolve, reject }))
  }

  /** Resolves once the cache shows what is in the store now. */
  current(): Promise<void> {
    return this.reached(this.#store.revision)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]()
    this.#fail(new Error('the API server is shutting down'))
  }

  #add(resource: ResourceDefinition): void {
    const prefix = storagePrefix(resource)
    if (resource.stored && !this.#caches.has(prefix)) this.#caches.set(prefix, new ResourceCache(resource, this.#revision))
  }

  async #follow(signal: AbortSignal): Promise<void> {
    for await (const change of this.#store.watch(ROOT, this.#revision, signal)) {
      if (change.type !== 'progress') this.#cacheOfKey(change.key)?.apply(change)
      this.#advance(change.revision)
    }
    if (!signal.aborted) throw new WatchOverflow(0)
  }

  #advance(revision: Revision): void {
    this.#revision = Math.max(this.#revision, revision)
    if (this.#waiters.length === 0) return
    const due = this.#waiters.filter((waiter) => waiter.revision <= this.#revision)
    if (due.length === 0) return
    this.#waiters = this.#waiters.filter((waiter) => waiter.revision > this.#revision)
    for (const { resolve } of due) resolve()
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const { reject } of this.#waiters.splice(0)) reject(this.#failure)
  }

  /** `/registry/services/specs/ns/name` belongs to `/registry/services/specs/`, `/registry/pods/ns/name` to `/registry/pods/`. */
  #cacheOfKey(key: string): ResourceCache | undefined {
    const first = key.indexOf('/', ROOT.length)
    const second = key.indexOf('/', first + 1)
    return (second === -1 ? undefined : this.#caches.get(key.slice(0, second + 1))) ?? this.#caches.get(key.slice(0, first + 1))
  }
}
