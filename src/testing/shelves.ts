import type { ResourceDefinition } from '#api'
import { deepClone, deepFreeze } from '#base'
import type { ObjectChange, Source, Sources } from '#client'
import { type KubernetesObject, keyOf, qualifiedResource } from '#meta'

/** Objects of one kind that a test sets by hand, told about as an informer tells. */
export class Shelf<T extends KubernetesObject> implements Source<T> {
  readonly #items = new Map<string, T>()
  readonly #handlers = new Set<(change: ObjectChange<T>) => void>()

  get(key: string): T | undefined {
    return this.#items.get(key)
  }

  list(options: { readonly namespace?: string } = {}): readonly T[] {
    const all = [...this.#items.values()]
    return options.namespace === undefined ? all : all.filter(({ metadata }) => metadata?.namespace === options.namespace)
  }

  onChange(handler: (change: ObjectChange<T>) => void): Disposable {
    this.#handlers.add(handler)
    for (const after of this.#items.values()) handler({ after })
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) }
  }

  async synced(): Promise<void> {}

  set(object: T): T {
    const [before, after] = [this.get(keyOf(object)), deepFreeze(deepClone(object))]
    this.#items.set(keyOf(object), after)
    for (const handler of this.#handlers) handler({ before, after })
    return after
  }

  delete(key: string): void {
    const before = this.get(key)
    this.#items.delete(key)
    if (before !== undefined) for (const handler of this.#handlers) handler({ before })
  }
}

/** A shelf for each kind; selectors are the test's own business. */
export class Shelves implements Sources {
  readonly #shelves = new Map<string, Shelf<KubernetesObject>>()

  for<T extends KubernetesObject>(resource: ResourceDefinition<T>): Shelf<T> {
    const name = qualifiedResource(resource)
    let shelf = this.#shelves.get(name)
    if (shelf === undefined) this.#shelves.set(name, (shelf = new Shelf()))
    return shelf as unknown as Shelf<T>
  }
}
