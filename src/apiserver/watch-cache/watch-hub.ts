import type { KubernetesObject } from '#meta'
import type { Revision } from '#store'
import type { ObjectVersion } from '../registry/object-version.ts'
import type { CacheEvent } from './resource-cache.ts'

/** A change as those who made one selection see it. */
export interface Delivery {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly revision: Revision
  readonly version: ObjectVersion
}

export interface WatchListener {
  deliver(delivery: Delivery): void
  /** The cache was filled anew: what happened in between can't be told, so the watch ends. */
  end(): void
}

/** What a watch looks at; '' is any name or namespace. */
export interface WatchScope {
  readonly namespace: string
  readonly name: string
  readonly selection: WatchSelection
}

export interface WatchSelection {
  readonly key: string
  selects(object: KubernetesObject): boolean
}

/** Everyone who watches one place with one selection. */
interface Audience {
  readonly selection: WatchSelection
  readonly listeners: Set<WatchListener>
}

/**
 * Who is to be told of a change of one resource. A change of `default/web` concerns four places: everything, its namespace, its name in any namespace, and itself.
 * In each, every distinct selection is evaluated once, however many watch by it:
 *
 *     '/'           → '' → 9,000 listeners
 *     'default/'    → 'app=web' → 900 listeners, 'app=db' → 50
 *     'default/web' → '' → 1 listener
 */
export class WatchHub {
  readonly #places = new Map<string, Map<string, Audience>>()

  /** Tells `listener` of what is published from now on. */
  add({ namespace, name, selection }: WatchScope, listener: WatchListener): Disposable {
    const place = placeOf(namespace, name)
    let audiences = this.#places.get(place)
    if (audiences === undefined) {
      audiences = new Map()
      this.#places.set(place, audiences)
    }
    let audience = audiences.get(selection.key)
    if (audience === undefined) {
      audience = { selection, listeners: new Set() }
      audiences.set(selection.key, audience)
    }
    audience.listeners.add(listener)
    return { [Symbol.dispose]: () => this.#remove(place, selection.key, listener) }
  }

  publish(event: CacheEvent): void {
    if (this.#places.size === 0) return
    const { namespace = '', name = '' } = event.version.object.metadata ?? {}
    this.#tell('', '', event)
    this.#tell('', name, event)
    if (namespace === '') return
    this.#tell(namespace, '', event)
    this.#tell(namespace, name, event)
  }

  /** Ends every watch; their subscriptions are over with it. */
  endAll(): void {
    const ended = [...this.#places.values()].flatMap((audiences) => [...audiences.values()])
    this.#places.clear()
    for (const { listeners } of ended) for (const listener of listeners) listener.end()
  }

  #tell(namespace: string, name: string, event: CacheEvent): void {
    const audiences = this.#places.get(placeOf(namespace, name))
    if (audiences === undefined) return
    for (const { selection, listeners } of audiences.values()) {
      const delivery = seenBy(event, selection)
      // A listener that is cut off leaves the set while it is walked, which a Set allows.
      if (delivery !== undefined) for (const listener of listeners) listener.deliver(delivery)
    }
  }

  #remove(place: string, key: string, listener: WatchListener): void {
    const audiences = this.#places.get(place)
    const audience = audiences?.get(key)
    if (audience === undefined) return
    audience.listeners.delete(listener)
    if (audience.listeners.size > 0) return
    audiences!.delete(key)
    if (audiences!.size === 0) this.#places.delete(place)
  }
}

const placeOf = (namespace: string, name: string): string => `${namespace}/${name}`

/**
 * What enters a selection appears, what leaves it disappears: with its last state that was seen, at the revision of the change.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
export function seenBy(event: CacheEvent, { selects }: Pick<WatchSelection, 'selects'>): Delivery | undefined {
  const { type, revision, version, previous } = event
  const is = type !== 'DELETED' && selects(version.object)
  const was = previous !== undefined && selects(previous.object)
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', revision, version }
  if (!was) return undefined
  return { type: 'DELETED', revision, version: type === 'DELETED' ? version : previous.at(revision) }
}
