import type { ResourceDefinition } from '#api'
import type { KubernetesObject, ObjectKey } from '#meta'
import { gone } from '#meta'
import type { Change, Revision } from '#store'
import { type ObjectVersion, versionOf } from '../registry/object-version.ts'
import { storagePrefix } from '../storage-keys.ts'

/** One change of one object as every watcher shares it. */
export interface CacheEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly revision: Revision
  /** After the change; for a delete the last state, at the revision of the delete. */
  readonly version: ObjectVersion
  readonly previous: ObjectVersion | undefined
}

/** Events kept for watches that start in the past. */
const EVENTS_MAX = 20_000

export type EventListener = (event: CacheEvent) => void

/**
 * The current objects of one stored resource in key order, and its recent events. Fed by the one watch of the store, so every resource is at the
 * same revision at any instant.
 */
export class ResourceCache {
  readonly resource: ResourceDefinition
  readonly prefix: string
  readonly #versions = new Map<ObjectKey, ObjectVersion>()
  #keys: ObjectKey[] | undefined
  #events: CacheEvent[] = []
  #oldest: Revision
  readonly #listeners = new Set<EventListener>()

  constructor(resource: ResourceDefinition, startsAt: Revision) {
    this.resource = resource
    this.prefix = storagePrefix(resource)
    this.#oldest = startsAt
  }

  get size(): number {
    return this.#versions.size
  }

  get(key: ObjectKey): ObjectVersion | undefined {
    return this.#versions.get(key)
  }

  /** Objects of one namespace, or of all (''), in key order. */
  list(namespace: string): ObjectVersion[] {
    const keys = this.#sortedKeys()
    if (namespace === '') return keys.map((key) => this.#versions.get(key)!)
    const prefix = `${namespace}/`
    const found: ObjectVersion[] = []
    for (let index = lowerBound(keys, prefix); index < keys.length && keys[index]!.startsWith(prefix); index++) {
      found.push(this.#versions.get(keys[index]!)!)
    }
    return found
  }

  /** Parsed objects without an order; for indexes and admission. */
  *objects(): Iterable<KubernetesObject> {
    for (const version of this.#versions.values()) yield version.object
  }

  load(key: ObjectKey, version: ObjectVersion): void {
    this.#versions.set(key, version)
    this.#keys = undefined
  }

  apply(change: Change): void {
    const key = change.key.slice(this.prefix.length)
    const previous = this.#versions.get(key)
    const version = versionOf(key, change)
    if (change.type === 'delete') {
      this.#versions.delete(key)
      this.#keys = undefined
    } else {
      this.#versions.set(key, version)
      if (previous === undefined) this.#keys = undefined
    }
    const type = change.type === 'delete' ? 'DELETED' : previous === undefined ? 'ADDED' : 'MODIFIED'
    const event: CacheEvent = { type, revision: change.revision, version, previous }
    this.#events.push(event)
    if (this.#events.length > EVENTS_MAX) {
      const dropped = this.#events.splice(0, EVENTS_MAX / 2)
      this.#oldest = dropped.at(-1)!.revision
    }
    for (const listener of this.#listeners) listener(event)
  }

  /** Events after `since`. Throws 410 when some are gone. */
  eventsAfter(since: Revision): readonly CacheEvent[] {
    if (since < this.#oldest) throw gone(`too old resource version: ${since} (${this.#oldest})`)
    return this.#events.filter(({ revision }) => revision > since)
  }

  subscribe(listener: EventListener): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  #sortedKeys(): readonly ObjectKey[] {
    this.#keys ??= [...this.#versions.keys()].sort()
    return this.#keys
  }
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (keys[middle]! < key) low = middle + 1
    else high = middle
  }
  return low
}
