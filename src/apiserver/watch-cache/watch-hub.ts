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
  /** A field of which only objects with one value can be selected (`spec.nodeName`). */
  readonly pin?: { readonly field: string; readonly value: string; read(object: KubernetesObject): string } | undefined
  selects(object: KubernetesObject): boolean
}

/** Everyone who watches one place with one selection. */
interface Audience {
  readonly selection: WatchSelection
  readonly listeners: Set<WatchListener>
}

interface Place {
  readonly audiences: Map<string, Audience>
  listeners: number
}

type Pin = NonNullable<WatchSelection['pin']>

/**
 * Who is to be told of a change of one resource. A change of `default/web` concerns four places: everything, its namespace, its name in any namespace, and itself.
 * In each, every distinct selection is evaluated once, however many watch by it. Selections that are pinned to a value of a field, as every kubelet's is
 * to its node, have places of their own, so that only those of the object's values are looked at:
 *
 *     '/'                           → '' → 9,000 listeners
 *     'default/'                    → 'app=web' → 900 listeners, 'app=db' → 50
 *     'default/web'                 → '' → 1 listener
 *     '/' + '\0spec.nodeName\0node-7' → 'spec.nodeName=node-7' → 1 listener
 */
export class WatchHub {
  readonly #places = new Map<string, Place>()
  /** Fields by which anyone is pinned, and by how many. */
  readonly #pins = new Map<string, { readonly read: Pin['read']; listeners: number }>()

  /** Tells `listener` of what is published from now on. */
  add({ namespace, name, selection }: WatchScope, listener: WatchListener): Disposable {
    const { pin } = selection
    const key = pin === undefined ? placeOf(namespace, name) : pinnedPlaceOf(placeOf(namespace, name), pin.field, pin.value)
    let place = this.#places.get(key)
    if (place === undefined) {
      place = { audiences: new Map(), listeners: 0 }
      this.#places.set(key, place)
    }
    let audience = place.audiences.get(selection.key)
    if (audience === undefined) {
      audience = { selection, listeners: new Set() }
      place.audiences.set(selection.key, audience)
    }
    audience.listeners.add(listener)
    place.listeners++
    if (pin !== undefined) this.#countPin(pin, 1)
    return { [Symbol.dispose]: () => this.#remove(key, selection, listener) }
  }

  publish(event: CacheEvent): void {
    if (this.#places.size === 0) return
    const { namespace = '', name = '' } = event.version.object.metadata ?? {}
    for (const place of placesOf(namespace, name)) {
      this.#tell(place, event)
      for (const [field, { read }] of this.#pins) {
        const now = read(event.version.object)
        this.#tell(pinnedPlaceOf(place, field, now), event)
        const before = event.previous === undefined ? now : read(event.previous.object)
        if (before !== now) this.#tell(pinnedPlaceOf(place, field, before), event)
      }
    }
  }

  /** How many may have to be told of a change of one object; those that are pinned are not counted. */
  listenersOf(namespace: string, name: string): number {
    return placesOf(namespace, name).reduce((sum, place) => sum + (this.#places.get(place)?.listeners ?? 0), 0)
  }

  /** Ends every watch; their subscriptions are over with it. */
  endAll(): void {
    const ended = [...this.#places.values()].flatMap(({ audiences }) => [...audiences.values()])
    this.#places.clear()
    this.#pins.clear()
    for (const { listeners } of ended) for (const listener of listeners) listener.end()
  }

  #tell(place: string, event: CacheEvent): void {
    const audiences = this.#places.get(place)?.audiences
    if (audiences === undefined) return
    for (const { selection, listeners } of audiences.values()) {
      const delivery = seenBy(event, selection)
      // A listener that is cut off leaves the set while it is walked, which a Set allows.
      if (delivery !== undefined) for (const listener of listeners) listener.deliver(delivery)
    }
  }

  #remove(key: string, { key: selectionKey, pin }: WatchSelection, listener: WatchListener): void {
    const place = this.#places.get(key)
    const audience = place?.audiences.get(selectionKey)
    if (place === undefined || audience?.listeners.delete(listener) !== true) return
    place.listeners--
    if (pin !== undefined) this.#countPin(pin, -1)
    if (audience.listeners.size > 0) return
    place.audiences.delete(selectionKey)
    if (place.audiences.size === 0) this.#places.delete(key)
  }

  #countPin({ field, read }: Pin, delta: number): void {
    const listeners = (this.#pins.get(field)?.listeners ?? 0) + delta
    if (listeners > 0) this.#pins.set(field, { read, listeners })
    else this.#pins.delete(field)
  }
}

const placeOf = (namespace: string, name: string): string => `${namespace}/${name}`
const pinnedPlaceOf = (place: string, field: string, value: string): string => `${place}\0${field}\0${value}`

const placesOf = (namespace: string, name: string): string[] =>
  namespace === ''
    ? [placeOf('', ''), placeOf('', name)]
    : [placeOf('', ''), placeOf('', name), placeOf(namespace, ''), placeOf(namespace, name)]

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
