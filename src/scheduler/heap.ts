/** A binary heap that also finds and removes by key. The least item by `before` comes first. */
export class Heap<T> {
  readonly #items: T[] = []
  readonly #at = new Map<string, number>()
  readonly #keyOf: (item: T) => string
  readonly #before: (a: T, b: T) => boolean

  constructor(keyOf: (item: T) => string, before: (a: T, b: T) => boolean) {
    this.#keyOf = keyOf
    this.#before = before
  }

  get size(): number {
    return this.#items.length
  }

  peek(): T | undefined {
    return this.#items[0]
  }

  get(key: string): T | undefined {
    const at = this.#at.get(key)
    return at === undefined ? undefined : this.#items[at]
  }

  /** Adds, or replaces the item of the same key. */
  set(item: T): void {
    const key = this.#keyOf(item)
    const at = this.#at.get(key) ?? this.#items.length
    this.#put(at, item)
    this.#settle(at)
  }

  pop(): T | undefined {
    const [first] = this.#items
    if (first !== undefined) this.delete(this.#keyOf(first))
    return first
  }

  delete(key: string): T | undefined {
    const at = this.#at.get(key)
    if (at === undefined) return undefined
    const item = this.#items[at]!
    const last = this.#items.pop()!
    this.#at.delete(key)
    if (at < this.#items.length) {
      this.#put(at, last)
      this.#settle(at)
    }
    return item
  }

  values(): readonly T[] {
    return this.#items
  }

  #put(at: number, item: T): void {
    this.#items[at] = item
    this.#at.set(this.#keyOf(item), at)
  }

  #settle(start: number): void {
    let at = start
    for (let parent = (at - 1) >> 1; at > 0 && this.#less(at, parent); parent = (at - 1) >> 1) {
      this.#swap(at, parent)
      at = parent
    }
    for (;;) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < this.#items.length && this.#less(child, least)) least = child
      if (least === at) return
      this.#swap(at, least)
      at = least
    }
  }

  #less(a: number, b: number): boolean {
    return this.#before(this.#items[a]!, this.#items[b]!)
  }

  #swap(a: number, b: number): void {
    const item = this.#items[a]!
    this.#put(a, this.#items[b]!)
    this.#put(b, item)
  }
}
