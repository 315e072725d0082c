import type { ResourceDefinition } from '#api'
import { type Answer, andThen, type Clock, type Log, TaskGroup } from '#base'
import { failure } from '#meta'
import { type Change, Compacted, type Entry, type Revision, type Store } from '#store'
import { type ObjectVersion, shownVersions, versionOf } from '../registry/object-version.ts'
import { keyWithin, storagePrefix } from '../storage-keys.ts'
import { CacheMetrics } from './cache-metrics.ts'
import { Damage, damageAtStart, damageOf } from './damage.ts'
import { type Kept, type LateFollower, ResourceCache, type ShowsStored, type StoreFollower } from './resource-cache.ts'
import { RevisionWaiters } from './revision-waiters.ts'

const ROOT = '/registry/'

/** Between attempts to follow the store again, doubling. */
const RETRY_MIN_MS = 100
const RETRY_MAX_MS = 10_000

export interface WatchCacheDependencies {
  readonly clock: Clock
  readonly log: Log
  /** Of kinds whose older objects lack what this server completes by what it was told. */
  readonly shows?: ReadonlyMap<ResourceDefinition, ShowsStored>
}

/**
 * All objects of the store, parsed and in order, following one watch of it. Reads wait until the cache has reached the revision they must
 * see, so that a client never reads less than it has written or seen. A watch that breaks is opened again where it ended; when that revision is gone from
 * the store, the cache reads everything anew and ends the watches that can't be told what they missed.
 */
export class WatchCache implements AsyncDisposable {
  readonly #store: Store
  readonly #clock: Clock
  readonly #log: Log
  readonly #shows: ReadonlyMap<ResourceDefinition, ShowsStored> | undefined
  readonly #caches = new Map<string, ResourceCache>()
  /** Of resources that come and go. */
  readonly #followers = new Map<string, LateFollower>()
  readonly #tasks: TaskGroup
  readonly #waiters = new RevisionWaiters()
  readonly #damage = new Damage()
  readonly #readingAgain = new Map<ResourceCache, Promise<void>>()
  readonly metrics = new CacheMetrics()
  #revision: Revision
  #isFollowing = true

  constructor(store: Store, revision: Revision, { clock, log, shows }: WatchCacheDependencies) {
    this.#store = store
    this.#shows = shows
    this.#clock = clock
    this.#log = log
    this.#revision = revision
    this.#tasks = new TaskGroup({ onError: (error) => this.#waiters.fail(error) })
  }

  static async open(
    store: Store,
    resources: readonly ResourceDefinition[],
    dependencies: WatchCacheDependencies,
  ): Promise<WatchCache> {
    const { entries, revision } = await store.list(ROOT)
    const cache = new WatchCache(store, revision, dependencies)
    for (const resource of resources) cache.#add(resource)
    for (const [target, versions] of cache.#sort(entries, (key) => cache.#cacheOfKey(key))) target.load(versions)
    cache.#tasks.spawn((signal) => cache.#follow(signal))
    return cache
  }

  /** Everything up to here is in the cache. */
  get revision(): Revision {
    return this.#revision
  }

  /** False while the store's watch is lost, or open again but not caught up: reads may be late then. */
  get isFollowing(): boolean {
    return this.#isFollowing
  }

  /** Throws 404 for a resource that is gone. */
  of(resource: ResourceDefinition): ResourceCache {
    const prefix = storagePrefix(resource)
    const cache = this.#caches.get(prefix) ?? this.#followers.get(prefix)?.of(resource)
    if (cache === undefined) throw failure(404, 'NotFound', 'the server could not find the requested resource', {})
    return cache
  }

  /** Everything of `resource` up to here is in its cache. */
  revisionOf(resource: ResourceDefinition): Revision {
    const pending = this.#followerOf(resource)?.pendingOf(resource)
    return pending === undefined ? this.#revision : Math.min(this.#revision, pending - 1)
  }

  /**
   * Answers once what the cache has reached is shown by `resource` too, which may have to ask a webhook. 500 while something that is stored can't be read: of `part`, the key
   * of an object or a namespace with a slash, or of all.
   */
  settled(resource: ResourceDefinition, part = ''): Answer<void> {
    this.#damage.check(`${storagePrefix(resource)}${part}`)
    return andThen(this.#followerOf(resource)?.settled(resource), () => {
      const cache = this.of(resource)
      return cache.unreadable.size > 0 ? this.#readAgainOnce(cache) : undefined
    })
  }

  /** Tells `follower` of every change below its prefix, first handing it what is stored there already. */
  async follow(follower: LateFollower): Promise<void> {
    const { prefix } = follower
    const missed: Change[] = []
    const nothing = (): undefined => undefined
    const early = {
      prefix,
      kept: undefined,
      of: nothing,
      forget: nothing,
      load: nothing,
      endWatches: nothing,
      pendingOf: nothing,
      settled: async () => undefined,
    }
    let replaced: { readonly versions: readonly ObjectVersion[]; readonly revision: Revision } | undefined
    this.#followers.set(prefix, {
      ...early,
      apply: (change) => void missed.push(change),
      replace: (versions, revision) => {
        replaced = { versions, revision }
      },
    })
    const { entries, revision } = await this.#store.list(prefix)
    await this.reached(revision)
    const sound = entries.filter((entry) => this.#isSound(entry, { prefix }))
    const listed = { versions: sound.map((entry) => versionOf(keyWithin(prefix, entry.key), entry)), revision }
    // What was read anew in between is the newer state.
    const state = replaced !== undefined && replaced.revision > revision ? replaced : listed
    follower.load(state.versions, state.revision)
    for (const change of missed) if (change.revision > state.revision) follower.apply(change)
    this.#followers.set(prefix, follower)
  }

  unfollow(prefix: string): void {
    this.#followers.delete(prefix)
  }

  all(): Iterable<ResourceCache> {
    return this.#caches.values()
  }

  /** Of each kind, whether or not it comes and goes. */
  kept(): Kept[] {
    const late = [...this.#followers.values()].flatMap(({ kept }) => kept ?? [])
    return [...this.#caches.values(), ...late]
  }

  /**
   * Forgets the events up to `revision`, once the store has: an idle server must not keep alive what was long ago. Watches that start
   * there are 410 Expired from now on.
   */
  forget(revision: Revision): void {
    for (const each of [...this.#caches.values(), ...this.#followers.values()]) each.forget(revision)
  }

  /** Answers once the cache shows `revision`; rejects with `signal.reason` when aborted first. */
  reached(revision: Revision, signal?: AbortSignal): Answer<void> {
    return this.#revision < revision ? this.#waiters.wait(revision, signal) : undefined
  }

  /** Answers once the cache shows what is in the store now, whoever wrote it. */
  current(): Answer<void> {
    if (!this.#store.isShared) return this.reached(this.#store.revision)
    return this.#store.latest().then((revision) => this.reached(revision))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]()
    for (const cache of [...this.#caches.values(), ...this.#followers.values()]) cache.endWatches()
    this.#waiters.fail(new Error('the API server is shutting down'))
  }

  /** Readers that come meanwhile wait for the same attempt. */
  #readAgainOnce(cache: ResourceCache): Promise<void> {
    let reading = this.#readingAgain.get(cache)
    if (reading === undefined) {
      reading = this.#readAgain(cache).finally(() => this.#readingAgain.delete(cache))
      this.#readingAgain.set(cache, reading)
    }
    return reading
  }

  /** What could not be read may be readable now: a key is known again, or whoever has it answers again. */
  async #readAgain(cache: ResourceCache): Promise<void> {
    const { resource, prefix } = cache
    const readOne = async (key: string): Promise<void> => {
      const entry = await this.#store.get(prefix + key)
      const version = entry && versionOf(key, entry, resource)
      if (version === undefined || version.problem !== undefined) return
      const [shown] = await shownVersions(resource, [version])
      cache.reveal(shown!, this.#revision)
    }
    await Promise.all([...cache.unreadable].map(readOne))
  }

  #add(resource: ResourceDefinition): void {
    const prefix = storagePrefix(resource)
    if (!resource.stored || this.#caches.has(prefix)) return
    this.#caches.set(prefix, new ResourceCache(resource, this.#revision, this.#shows?.get(resource)))
  }

  async #follow(signal: AbortSignal): Promise<void> {
    let retryMs = 0
    while (!signal.aborted) {
      const before = this.#revision
      try {
        await this.#followOnce(signal)
        if (!signal.aborted) this.#log.warn('The store ended its watch; it is opened again', { revision: this.#revision })
      } catch (error) {
        if (signal.aborted) return
        this.#log.warn('The watch of the store broke; it is opened again', { revision: this.#revision, error })
      }
      if (signal.aborted) return
      this.#isFollowing = false
      // Whoever got on since the last attempt tries at once.
      retryMs = this.#revision > before ? 0 : Math.min(RETRY_MAX_MS, Math.max(RETRY_MIN_MS, retryMs * 2))
      if (retryMs > 0) await this.#clock.sleep(retryMs, { signal })
    }
  }

  async #followOnce(signal: AbortSignal): Promise<void> {
    try {
      for await (const change of this.#store.watch(ROOT, this.#revision, signal)) {
        if (change.type !== 'progress') {
          if (!this.#apply(change)) return await this.#readAll()
          if (change.more) continue
        }
        this.#advance(change.revision)
      }
    } catch (error) {
      if (!(error instanceof Compacted)) throw error
      this.#log.warn('What happened in the store meanwhile is compacted; everything is read anew', { revision: this.#revision })
      await this.#readAll()
    }
  }

  /** False when it can't be told what a change did. */
  #apply(change: Change): boolean {
    const target = this.#targetOfKey(change.key)
    if (target === undefined) return true
    const why = damageOf(change, target)
    if (change.type === 'delete') {
      // What went was never shown.
      if (why !== undefined || this.#damage.has(change.key)) return false
    } else if (why !== undefined) {
      this.#found(change, why)
      target.endWatches()
      return true
    } else this.#damage.clear(change.key)
    target.apply(change)
    return true
  }

  #isSound(entry: Entry, target: Pick<StoreFollower, 'prefix' | 'resource'>): boolean {
    if (this.#damage.has(entry.key, entry.revision)) return false
    const why = damageAtStart(entry, target)
    if (why === undefined) this.#damage.clear(entry.key)
    else this.#found(entry, why)
    return why === undefined
  }

  #found(entry: Entry, why: string): void {
    this.#damage.note(entry, why)
    this.#log.error(
      'What is stored at a key can not be read; no list or watch that would meet it is answered until it is written anew or removed',
      {
        key: entry.key,
        why,
      },
    )
  }

  async #readAll(): Promise<void> {
    this.#isFollowing = false
    const { entries, revision } = await this.#store.list(ROOT)
    this.#damage.keepOnly(new Set(entries.map(({ key }) => key)))
    const found = this.#sort<StoreFollower>(entries, (key) => this.#targetOfKey(key))
    for (const target of [...this.#caches.values(), ...this.#followers.values()])
      target.replace(found.get(target) ?? [], revision)
    this.#advance(revision)
  }

  #advance(revision: Revision): void {
    this.#revision = Math.max(this.#revision, revision)
    if (!this.#isFollowing) this.#isFollowing = this.#revision >= this.#store.revision
    this.#waiters.advance(this.#revision)
  }

  #followerOf(resource: ResourceDefinition): LateFollower | undefined {
    return resource.custom === undefined ? undefined : this.#followers.get(storagePrefix(resource))
  }

  #sort<T extends StoreFollower>(entries: readonly Entry[], targetOf: (key: string) => T | undefined): Map<T, ObjectVersion[]> {
    const found = new Map<T, ObjectVersion[]>()
    for (const entry of entries) {
      const target = targetOf(entry.key)
      if (target === undefined || !this.#isSound(entry, target)) continue
      const versions = found.get(target)
      const version = versionOf(keyWithin(target.prefix, entry.key), entry, target.resource)
      if (versions === undefined) found.set(target, [version])
      else versions.push(version)
    }
    return found
  }

  #targetOfKey(key: string): StoreFollower | undefined {
    return this.#cacheOfKey(key) ?? this.#followerOfKey(key)
  }

  /** Custom resources are stored below their group: `/registry/example.com/widgets/`. */
  #followerOfKey(key: string): StoreFollower | undefined {
    if (this.#followers.size === 0) return undefined
    const second = key.indexOf('/', key.indexOf('/', ROOT.length) + 1)
    return second === -1 ? undefined : this.#followers.get(key.slice(0, second + 1))
  }

  /** `/registry/services/specs/ns/name` belongs to `/registry/services/specs/`, `/registry/pods/ns/name` to `/registry/pods/`. */
  #cacheOfKey(key: string): ResourceCache | undefined {
    const first = key.indexOf('/', ROOT.length)
    const second = key.indexOf('/', first + 1)
    return (second === -1 ? undefined : this.#caches.get(key.slice(0, second + 1))) ?? this.#caches.get(key.slice(0, first + 1))
  }
}
