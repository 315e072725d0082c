import { areRulesLoaded, type CustomResourceDefinition, customKinds, customResourceDefinitions, hasRules, loadRules } from '#api'
import { type Log, TaskGroup } from '#base'
import type { ResourceCatalog } from '../catalog.ts'
import type { CacheEvent } from '../watch-cache/resource-cache.ts'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import { isConditionTrue } from './conditions.ts'
import { type ConverterDependencies, converterOf } from './converter.ts'
import { CustomCache } from './custom-cache.ts'

export interface ServingDependencies extends ConverterDependencies {
  readonly cache: WatchCache
  readonly catalog: ResourceCatalog
  readonly log: Log
}

interface Served {
  crd: CustomResourceDefinition
  fingerprint: string
  cache: CustomCache
  /** What is stored is loaded, and requests are served. */
  isOpen: boolean
}

/** Serves what CustomResourceDefinitions declare as soon as they are established, and no longer than they are there. */
export class CustomResourceServing implements AsyncDisposable {
  readonly #dependencies: ServingDependencies
  readonly #served = new Map<string, Served>()
  readonly #tasks: TaskGroup
  readonly #subscription: Disposable

  private constructor(dependencies: ServingDependencies) {
    this.#dependencies = dependencies
    this.#tasks = new TaskGroup({
      onError: (error) => dependencies.log.error('Custom resources can not be loaded', { error }),
    })
    this.#subscription = dependencies.cache.of(customResourceDefinitions).subscribe((event) => this.#onEvent(event))
  }

  /** Resolves once every definition that was established before is served again. */
  static async open(dependencies: ServingDependencies): Promise<CustomResourceServing> {
    const serving = new CustomResourceServing(dependencies)
    const stored = dependencies.cache.of(customResourceDefinitions).list('')
    await Promise.all(stored.map(async ({ object }) => serving.#update(object as CustomResourceDefinition)))
    return serving
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription[Symbol.dispose]()
    for (const { cache } of this.#served.values()) cache.endWatches()
    await this.#tasks[Symbol.asyncDispose]()
  }

  #onEvent({ type, version }: CacheEvent): void {
    const crd = version.object as CustomResourceDefinition
    if (type === 'DELETED') this.#remove(crd.metadata!.name!)
    else {
      const loaded = this.#update(crd)
      if (loaded !== undefined) this.#tasks.spawn(() => loaded)
    }
  }

  /** A promise when objects have to be loaded first. */
  #update(crd: CustomResourceDefinition): Promise<void> | undefined {
    if (hasRules(crd) && !areRulesLoaded()) return loadRules().then(() => this.#update(newest(crd, this.#dependencies.cache)))
    const name = crd.metadata!.name!
    let served = this.#served.get(name)
    // A definition of the same name that was deleted in between has left nothing behind.
    if (served !== undefined && served.crd.metadata?.uid !== crd.metadata?.uid) this.#remove(name)
    served = this.#served.get(name)
    if (!isConditionTrue(crd, 'Established')) return this.#remove(name)
    const fingerprint = fingerprintOf(crd)
    if (served === undefined) return this.#load(crd, fingerprint)
    const isNew = served.fingerprint !== fingerprint
    Object.assign(served, { crd, fingerprint })
    if (isNew && served.isOpen) this.#show(served)
    return undefined
  }

  async #load(crd: CustomResourceDefinition, fingerprint: string): Promise<void> {
    const { cache, log } = this.#dependencies
    const resources = this.#kindsOf(crd)
    if (resources.length === 0) return
    const name = crd.metadata!.name!
    const objects = new CustomCache(resources, (error) => log.warn('Custom resources can not be converted', { name, error }))
    const served: Served = { crd, fingerprint, cache: objects, isOpen: false }
    this.#served.set(name, served)
    await cache.follow(objects)
    if (this.#served.get(name) !== served) return cache.unfollow(objects.prefix)
    served.isOpen = true
    if (served.fingerprint === fingerprint) this.#dependencies.catalog.set(ownerOf(name), resources)
    else this.#show(served)
  }

  #show({ crd, cache }: Served): void {
    const resources = this.#kindsOf(crd)
    cache.redefine(resources, this.#dependencies.cache.revision)
    this.#dependencies.catalog.set(ownerOf(crd.metadata!.name!), resources)
  }

  #remove(name: string): undefined {
    const served = this.#served.get(name)
    if (served === undefined) return
    this.#served.delete(name)
    this.#dependencies.catalog.set(ownerOf(name), [])
    if (served.isOpen) this.#dependencies.cache.unfollow(served.cache.prefix)
    served.cache.endWatches()
  }

  #kindsOf(crd: CustomResourceDefinition): ReturnType<typeof customKinds> {
    return customKinds(crd, converterOf(crd, this.#dependencies))
  }
}

/** What has become of a definition meanwhile; one that is gone is served no more. */
const newest = (crd: CustomResourceDefinition, cache: WatchCache): CustomResourceDefinition =>
  (cache.of(customResourceDefinitions).get(crd.metadata!.name!)?.object as CustomResourceDefinition | undefined) ??
  ({ ...crd, status: {} } as CustomResourceDefinition)

const ownerOf = (name: string): string => `customresourcedefinitions/${name}`

/** What requests depend on; a new condition or label changes nothing for them. */
const fingerprintOf = ({ metadata, spec, status }: CustomResourceDefinition): string =>
  JSON.stringify([metadata?.uid, spec, status?.acceptedNames, metadata?.deletionTimestamp !== undefined])
