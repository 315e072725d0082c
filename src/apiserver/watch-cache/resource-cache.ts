import type { ResourceDefinition } from '#api'
import { gone, type KubernetesObject, type ObjectKey } from '#meta'
import type { Change, Revision } from '#store'
import { type ObjectVersion, showing, versionOf } from '../registry/object-version.ts'
import { storagePrefix } from '../storage-keys.ts'
import { OrderedVersions } from './ordered-versions.ts'
import { RecentEvents } from './recent-events.ts'
import { WatchHub, type WatchListener, type WatchScope } from './watch-hub.ts'

/** One change of one object as every watcher shares it. */
export interface CacheEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly revision: Revision
  /** After the change; for a delete the last state, at the revision of the delete. */
  readonly version: ObjectVersion
  readonly previous: ObjectVersion | undefined
}

export type EventListener = (event: CacheEvent) => void

/** How an object is shown that was stored before its kind had all of its fields; one that is shown as it is stays itself. */
export type ShowsStored = (stored: KubernetesObject) => KubernetesObject

/** What the watch cache tells of changes below one prefix of the store. */
export interface StoreFollower {
  /** With its closing slash. */
  readonly prefix: string
  /** Whose objects are stored there, where that is one kind. */
  readonly resource?: ResourceDefinition
  /** What it shows of one of the resources that are stored there. */
  of(resource: ResourceDefinition): ResourceCache | undefined
  apply(change: Change): void
  /** Takes over a state that was read at `revision`, after changes were missed. */
  replace(versions: readonly ObjectVersion[], revision: Revision): void
  endWatches(): void
  /** Watches that start at or before `revision` can't be told what they missed from now on. */
  forget(revision: Revision): void
}

/** What is counted of the objects of one kind. */
export interface Kept {
  readonly resource: ResourceDefinition
  readonly size: number
  /** Encoded, of all objects together. */
  readonly bytes: number
  /** Changes that came, and those of them that watches could be told of. */
  readonly received: number
  readonly told: number
  /** How often all of it was read from the store. */
  readonly fillings: number
}

/** One whose resources may be behind what was applied, since showing it takes time. */
export interface LateFollower extends StoreFollower {
  /** Once it was filled. */
  readonly kept: Kept | undefined
  /** The first filling, of what was stored at `revision`. */
  load(versions: readonly ObjectVersion[], revision: Revision): void
  /** Resolves once `resource` shows all that was applied; rejects with what stands in the way. */
  settled(resource: ResourceDefinition): Promise<void>
  /** The first change that `resource` does not show yet. */
  pendingOf(resource: ResourceDefinition): Revision | undefined
}

/**
 * The current objects of one stored resource in key order, and its recent events. Fed by the one watch of the store, so every resource is at the
 * same revision at any instant.
 */
export class ResourceCache implements StoreFollower, Kept {
  readonly resource: ResourceDefinition
  readonly prefix: string
  readonly #versions = new Map<ObjectKey, ObjectVersion>()
  /** The same in key order. */
  #ordered = new OrderedVersions()
  /** Keys of objects that can't be read: there for clients, who are told why, and absent for the server's own listeners. */
  readonly #unreadable = new Set<ObjectKey>()
  readonly #recent: RecentEvents
  readonly #listeners = new Set<EventListener>()
  readonly #hub = new WatchHub()
  readonly #shows: ShowsStored | undefined
  #bytes = 0
  received = 0
  told = 0
  fillings = 1
  /** The last list that somebody may still have, until something changes. */
  #listed: { readonly namespace: string; readonly versions: WeakRef<readonly ObjectVersion[]> } | undefined

  constructor(resource: ResourceDefinition, startsAt: Revision, shows?: ShowsStored) {
    this.resource = resource
    this.#shows = shows
    this.prefix = storagePrefix(resource)
    this.#recent = new RecentEvents(startsAt)
  }

  get size(): number {
    return this.#versions.size
  }

  get bytes(): number {
    return this.#bytes
  }

  of(): this {
    return this
  }

  get(key: ObjectKey): ObjectVersion | undefined {
    return this.#versions.get(key)
  }

  /**
   * Objects of one namespace, or of all (''), in key order, behind `after`. Who asks for the same while nothing changes gets the same array, by which those who
   * send it know that they have looked at each of its objects before.
   */
  list(namespace: string, after?: ObjectKey): readonly ObjectVersion[] {
    if (after !== undefined) return this.#behind(namespace, after)
    const known = this.#listed?.namespace === namespace ? this.#listed.versions.deref() : undefined
    if (known !== undefined) return known
    const versions = this.#behind(namespace, undefined)
    this.#listed = { namespace, versions: new WeakRef(versions) }
    return versions
  }

  #behind(namespace: string, after: ObjectKey | undefined): readonly ObjectVersion[] {
    let first = namespace === '' ? '' : `${namespace}/`
    const next = after === undefined ? '' : `${after}\0`
    if (next > first) first = next
    // '0' follows '/'.
    return this.#ordered.list(first, namespace === '' ? undefined : `${namespace}0`)
  }

  /** Parsed objects without an order; for indexes and admission. */
  *objects(): Iterable<KubernetesObject> {
    for (const version of this.#versions.values()) if (version.problem === undefined) yield version.object
  }

  get unreadable(): ReadonlySet<ObjectKey> {
    return this.#unreadable
  }

  /** Shows what could not be read before, at `revision`. */
  reveal(version: ObjectVersion, revision: Revision): void {
    const known = this.#versions.get(version.key)
    if (known?.problem === undefined || known.revision !== version.revision || version.problem !== undefined) return
    this.commit(false, version)
    this.#recent.restart(revision)
  }

  apply(change: Change): void {
    const key = change.key.slice(this.prefix.length)
    this.commit(change.type === 'delete', versionOf(key, change, this.resource))
  }

  /**
   * Takes over a state that was read from the store at `revision`, after changes were missed. Watches end, since what happened in between
   * can't be told; listeners of the server itself are told the difference.
   */
  replace(versions: readonly ObjectVersion[], revision: Revision): void {
    this.#hub.endAll()
    this.fillings++
    const wanted = new Set(versions.map(({ key }) => key))
    const lost = this.#ordered.list().filter(({ key }) => !wanted.has(key))
    for (const version of lost) this.commit(true, version.at(revision))
    const changed = versions.filter((version) => this.#versions.get(version.key)?.revision !== version.revision)
    for (const version of changed.sort((a, b) => a.revision - b.revision)) this.commit(false, version)
    this.#recent.restart(revision)
  }

  /** The first filling, in key order; nobody listens yet. */
  load(versions: readonly ObjectVersion[]): void {
    const shown = versions.map((version) => this.#shown(version)).sort((a, b) => (a.key < b.key ? -1 : 1))
    this.#ordered = new OrderedVersions(shown)
    this.#listed = undefined
    for (const version of shown) {
      this.#versions.set(version.key, version)
      this.#bytes += version.size
      if (version.problem !== undefined) this.#unreadable.add(version.key)
    }
  }

  /** Events after `since`, oldest first. Throws 410 when some are gone. */
  eventsAfter(since: Revision): readonly CacheEvent[] {
    if (since < this.#recent.oldest) throw gone(`too old resource version: ${since} (${this.#recent.oldest})`)
    return this.#recent.after(since)
  }

  forget(revision: Revision): void {
    this.#recent.forget(revision)
  }

  /** Every event, to a part of the server itself. */
  subscribe(listener: EventListener): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** What a client's watch is to see. */
  watch(scope: WatchScope, listener: WatchListener): Disposable {
    return this.#hub.add(scope, listener)
  }

  /** How many watches a change of one object may have to be told to. */
  watchersOf(namespace: string, name: string): number {
    return this.#hub.listenersOf(namespace, name)
  }

  /** Ends every watch of a client. */
  endWatches(): void {
    this.#hub.endAll()
  }

  /** Shows the next version of an object, or its last one. */
  commit(isDelete: boolean, stored: ObjectVersion): void {
    const version = this.#shown(stored)
    const previous = this.#versions.get(version.key)
    this.#listed = undefined
    this.received++
    if (isDelete) {
      this.#ordered.delete(version.key)
      this.#versions.delete(version.key)
    } else {
      // What changes is likely to change again, which needs the object.
      if (previous !== undefined) version.keep()
      this.#ordered.set(version)
      this.#versions.set(version.key, version)
    }
    this.#bytes += (isDelete ? 0 : version.size) - (previous?.size ?? 0)
    if (version.problem !== undefined || previous?.problem !== undefined) {
      this.#passOver(isDelete, version, previous)
      return
    }
    const type = isDelete ? 'DELETED' : previous === undefined ? 'ADDED' : 'MODIFIED'
    const event: CacheEvent = { type, revision: version.revision, version, previous }
    this.told++
    this.#recent.push(event)
    this.#tell(event)
    this.#hub.publish(event)
  }

  /**
   * A change of which one side can't be read: clients that watch end and list anew, which tells them why. The server's own listeners see an object
   * that can't be read as one that is not there.
   */
  #passOver(isDelete: boolean, version: ObjectVersion, previous: ObjectVersion | undefined): void {
    const { revision } = version
    const was = previous?.problem === undefined ? previous : undefined
    const isReadable = !isDelete && version.problem === undefined
    if (isDelete || isReadable) this.#unreadable.delete(version.key)
    else this.#unreadable.add(version.key)
    if (isReadable) this.#tell({ type: 'ADDED', revision, version, previous: undefined })
    else if (was !== undefined) this.#tell({ type: 'DELETED', revision, version: was.at(revision), previous: was })
    this.#recent.restart(revision)
    this.#hub.endAll()
  }

  #shown(version: ObjectVersion): ObjectVersion {
    if (this.#shows === undefined || version.problem !== undefined) return version
    return showing([version], [this.#shows(version.object)])[0]!
  }

  #tell(event: CacheEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}
