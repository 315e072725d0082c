import type { CustomKind, ResourceDefinition } from '#api'
import type { KubernetesObject, ObjectKey } from '#meta'
import type { Change, Revision } from '#store'
import { type ObjectVersion, showing, versionOf } from '../registry/object-version.ts'
import { storagePrefix } from '../storage-keys.ts'
import { type Kept, type LateFollower, ResourceCache } from '../watch-cache/resource-cache.ts'

/** A change whose object is still in the version that is stored. */
interface RawChange {
  readonly isDelete: boolean
  readonly version: ObjectVersion
}

/**
 * The objects of one CustomResourceDefinition as each of its served versions shows them. Where a webhook converts, changes wait in line for its answer: many
 * are converted in one call, none overtakes another, and a reader waits for the line to be empty. A webhook that fails ends the watches, which can't be told what
 * happened; the next reader asks it again.
 */
export class CustomCache implements LateFollower {
  readonly prefix: string
  readonly #raw = new Map<ObjectKey, ObjectVersion>()
  readonly #onError: (error: unknown) => void
  #resources: readonly ResourceDefinition[]
  #shown = new Map<string, VersionCache>()
  #startsAt: Revision = 0
  #received = 0
  #fillings = 0

  /** `onError` hears of webhooks that fail while nobody reads. */
  constructor(resources: readonly ResourceDefinition[], onError: (error: unknown) => void) {
    this.prefix = storagePrefix(resources[0]!)
    this.#resources = resources
    this.#onError = onError
  }

  get size(): number {
    return this.#raw.size
  }

  /** As upstream counts it, which has a cache for each served version. */
  get kept(): Kept {
    let bytes = 0
    for (const version of this.#raw.values()) bytes += version.size
    const [received, fillings] = [this.#received, this.#fillings]
    return { resource: this.#resources[0]!, size: this.size, bytes, received, told: received, fillings }
  }

  of({ version }: ResourceDefinition): ResourceCache | undefined {
    return this.#shown.get(version)?.cache
  }

  load(versions: readonly ObjectVersion[], revision: Revision): void {
    for (const version of versions) this.#raw.set(version.key, version)
    this.#startsAt = revision
    this.#open()
  }

  replace(versions: readonly ObjectVersion[], revision: Revision): void {
    this.endWatches()
    this.#raw.clear()
    this.load(versions, revision)
  }

  apply(change: Change): void {
    const key = change.key.slice(this.prefix.length)
    const version = versionOf(key, change)
    const isDelete = change.type === 'delete'
    if (isDelete) this.#raw.delete(key)
    else this.#raw.set(key, version)
    this.#startsAt = change.revision
    this.#received += this.#shown.size
    for (const shown of this.#shown.values()) shown.take([{ isDelete, version }])
  }

  /** The definition changed: everything is shown anew, and watches begin again. */
  redefine(resources: readonly ResourceDefinition[], revision: Revision): void {
    this.endWatches()
    this.#resources = resources
    this.#startsAt = Math.max(this.#startsAt, revision)
    this.#open()
  }

  forget(revision: Revision): void {
    for (const { cache } of this.#shown.values()) cache.forget(revision)
  }

  endWatches(): void {
    for (const { cache } of this.#shown.values()) cache.endWatches()
  }

  pendingOf({ version }: ResourceDefinition): Revision | undefined {
    return this.#shown.get(version)?.pending
  }

  /** Rejects with what the webhook failed with. */
  async settled({ version }: ResourceDefinition): Promise<void> {
    await this.#shown.get(version)?.settled()
  }

  #open(): void {
    const all = [...this.#raw.values()].sort((a, b) => a.revision - b.revision)
    this.#shown = new Map(
      this.#resources.map((resource) => [resource.version, new VersionCache(resource, this.#startsAt, this.#onError)]),
    )
    this.#fillings += this.#shown.size
    for (const shown of this.#shown.values()) shown.take(all.map((version) => ({ isDelete: false, version })))
  }
}

class VersionCache {
  readonly cache: ResourceCache
  readonly #resource: ResourceDefinition
  readonly #onError: (error: unknown) => void
  #line: RawChange[] = []
  #working: Promise<void> | undefined

  constructor(resource: ResourceDefinition, startsAt: Revision, onError: (error: unknown) => void) {
    this.#resource = resource
    this.#onError = onError
    this.cache = new ResourceCache(resource, startsAt)
  }

  /** The first change that waits. */
  get pending(): Revision | undefined {
    return this.#line[0]?.version.revision
  }

  take(changes: readonly RawChange[]): void {
    if (changes.length === 0) return
    let shown: ReturnType<CustomKind['show']> | undefined
    if (this.#line.length === 0) {
      shown = this.#show(changes)
      if (!(shown instanceof Promise)) {
        this.#commit(changes, shown)
        return
      }
    }
    for (const change of changes) this.#line.push(change)
    if (this.#working === undefined) this.#start(shown).catch(this.#onError)
  }

  settled(): Promise<void> {
    if (this.#working !== undefined) return this.#working
    return this.#line.length === 0 ? Promise.resolve() : this.#start(undefined)
  }

  #start(first: ReturnType<CustomKind['show']> | undefined): Promise<void> {
    this.#working = this.#work(first).finally(() => {
      this.#working = undefined
    })
    return this.#working
  }

  /** Works off the line; `first` is what is under way already for all of it. */
  async #work(first: ReturnType<CustomKind['show']> | undefined): Promise<void> {
    try {
      for (let shown = first; this.#line.length > 0; shown = undefined) {
        const changes = [...this.#line]
        const objects = await (shown ?? this.#show(changes))
        this.#line = this.#line.slice(changes.length)
        this.#commit(changes, objects)
      }
    } catch (error) {
      this.cache.endWatches()
      throw error
    }
  }

  #show(changes: readonly RawChange[]): ReturnType<CustomKind['show']> {
    return this.#resource.custom!.show(changes.filter(isReadable).map(({ version }) => version.object))
  }

  #commit(changes: readonly RawChange[], objects: readonly KubernetesObject[]): void {
    const shown = showing(
      changes.filter(isReadable).map(({ version }) => version),
      objects,
    ).values()
    for (const change of changes) this.cache.commit(change.isDelete, isReadable(change) ? shown.next().value! : change.version)
  }
}

const isReadable = ({ version }: RawChange): boolean => version.problem === undefined
