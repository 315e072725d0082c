/** Of a node; inner nodes of that many children hold a million entries in four levels. */
const NODE_ENTRIES_MAX = 64
/** A node that shrinks below joins a neighbour when both fit into one with room to grow. */
const NODE_ENTRIES_MIN = 16

interface Leaf<K, V> {
  /** Of the one map that may change this node; all others copy it first. */
  readonly owner: object
  readonly keys: K[]
  readonly values: V[]
  readonly children?: undefined
}

interface Inner<K, V> {
  readonly owner: object
  /** The smallest key that each child may hold; the first of the whole map is not compared. */
  readonly keys: K[]
  readonly children: Node<K, V>[]
}

type Node<K, V> = Leaf<K, V> | Inner<K, V>

/**
 * A map in key order whose clones cost nothing: a B+ tree that is shared until one side changes it, and then copied node by node on the way to the change.
 *
 *     const b = a.clone(); b.set('k', 2)   // copies one path of b; a still has what it had
 */
export class SortedMap<K extends string | number, V> {
  #root: Node<K, V>
  #owner: object = {}
  #size = 0
  /** By the insertion that is under way. */
  #replaced: V | undefined
  /** Nodes made so far by this map: its work, for those who want to know that something was not done. */
  nodesMade = 1

  constructor() {
    this.#root = { owner: this.#owner, keys: [], values: [] }
  }

  get size(): number {
    return this.#size
  }

  /** The same entries, as a map of its own. In constant time. */
  clone(): SortedMap<K, V> {
    const copy = new SortedMap<K, V>()
    copy.#root = this.#root
    copy.#size = this.#size
    // Neither owns what both see.
    this.#owner = {}
    return copy
  }

  get(key: K): V | undefined {
    let node = this.#root
    while (node.children !== undefined) node = node.children[childAt(node.keys, key)]!
    const at = lowerBound(node.keys, key)
    return node.keys[at] === key ? node.values[at] : undefined
  }

  /** The entry with the smallest key. */
  first(): readonly [K, V] | undefined {
    for (const entry of this.entries()) return entry
    return undefined
  }

  /** Returns what was there before. */
  set(key: K, value: V): V | undefined {
    const root = this.#owned(this.#root)
    const split = this.#insert(root, key, value)
    this.#root = split === undefined ? root : this.#inner([root.keys[0]!, split.keys[0]!], [root, split])
    const replaced = this.#replaced
    this.#replaced = undefined
    return replaced
  }

  delete(key: K): boolean {
    if (this.get(key) === undefined) return false
    const root = this.#owned(this.#root)
    this.#remove(root, key)
    this.#root = root.children?.length === 1 ? root.children[0]! : root
    this.#size--
    return true
  }

  /** From `from` on, in order. The map must not change meanwhile; a clone does not. */
  *entries(from?: K): Generator<readonly [K, V], undefined> {
    const path: { readonly node: Inner<K, V>; at: number }[] = []
    let node: Node<K, V> | undefined = this.#root
    let start = from
    while (node !== undefined) {
      while (node.children !== undefined) {
        const at: number = start === undefined ? 0 : childAt(node.keys, start)
        path.push({ node, at })
        node = node.children[at]!
      }
      const { keys, values } = node
      for (let at = start === undefined ? 0 : lowerBound(keys, start); at < keys.length; at++) yield [keys[at]!, values[at]!]
      start = undefined
      node = undefined
      for (let top = path.at(-1); top !== undefined && node === undefined; top = path.at(-1)) {
        node = top.node.children[++top.at]
        if (node === undefined) path.pop()
      }
    }
  }

  /** What goes to the right when `node`, which is ours, has grown too large. */
  #insert(node: Node<K, V>, key: K, value: V): Node<K, V> | undefined {
    if (node.children === undefined) {
      const at = lowerBound(node.keys, key)
      if (node.keys[at] === key) {
        this.#replaced = node.values[at]
        node.values[at] = value
        return undefined
      }
      insertAt(node.keys, at, key)
      insertAt(node.values, at, value)
      this.#size++
      if (node.keys.length <= NODE_ENTRIES_MAX) return undefined
      const from = splitAt(node.keys.length, at)
      return this.#leaf(node.keys.splice(from), node.values.splice(from))
    }
    const at = childAt(node.keys, key)
    const child = this.#ownedChild(node, at)
    const split = this.#insert(child, key, value)
    if (split === undefined) return undefined
    insertAt(node.keys, at + 1, split.keys[0]!)
    insertAt(node.children, at + 1, split)
    if (node.children.length <= NODE_ENTRIES_MAX) return undefined
    const from = splitAt(node.children.length, at + 1)
    return this.#inner(node.keys.splice(from), node.children.splice(from))
  }

  #remove(node: Node<K, V>, key: K): void {
    if (node.children === undefined) {
      const at = lowerBound(node.keys, key)
      removeAt(node.keys, at)
      removeAt(node.values, at)
      return
    }
    const at = childAt(node.keys, key)
    const child = this.#ownedChild(node, at)
    this.#remove(child, key)
    if (child.keys.length >= NODE_ENTRIES_MIN || node.children.length === 1) return
    if (child.keys.length > 0) {
      const left = Math.max(0, at - 1)
      if (!this.#join(node, left)) return
    } else {
      removeAt(node.keys, at)
      removeAt(node.children, at)
    }
  }

  /** Moves the child after `left` into it, if there is room. */
  #join(node: Inner<K, V>, left: number): boolean {
    const right = node.children[left + 1]!
    if (node.children[left]!.keys.length + right.keys.length > NODE_ENTRIES_MAX - NODE_ENTRIES_MIN) return false
    const into = this.#ownedChild(node, left)
    if (into.children === undefined) {
      into.keys.push(...right.keys)
      into.values.push(...(right as Leaf<K, V>).values)
    } else {
      // The first key of an inner node may be out of date; its parent's is not.
      into.keys.push(node.keys[left + 1]!, ...right.keys.slice(1))
      into.children.push(...(right as Inner<K, V>).children)
    }
    removeAt(node.keys, left + 1)
    removeAt(node.children, left + 1)
    return true
  }

  #ownedChild(node: Inner<K, V>, at: number): Node<K, V> {
    const child = this.#owned(node.children[at]!)
    node.children[at] = child
    return child
  }

  #owned(node: Node<K, V>): Node<K, V> {
    if (node.owner === this.#owner) return node
    return node.children === undefined
      ? this.#leaf([...node.keys], [...node.values])
      : this.#inner([...node.keys], [...node.children])
  }

  #leaf(keys: K[], values: V[]): Leaf<K, V> {
    this.nodesMade++
    return { owner: this.#owner, keys, values }
  }

  #inner(keys: K[], children: Node<K, V>[]): Inner<K, V> {
    this.nodesMade++
    return { owner: this.#owner, keys, children }
  }
}

/** Keys that come in order leave full nodes behind. */
const splitAt = (length: number, inserted: number): number => (inserted === length - 1 ? length - 1 : length >> 1)

/** `splice` would make an array for what it removes each time, also when that is nothing. */
function insertAt<T>(list: T[], at: number, value: T): void {
  list.push(value)
  for (let to = list.length - 1; to > at; to--) list[to] = list[to - 1]!
  list[at] = value
}

function removeAt<T>(list: T[], at: number): void {
  if (at === 0) {
    list.shift()
    return
  }
  for (let to = at; to < list.length - 1; to++) list[to] = list[to + 1]!
  list.pop()
}

function lowerBound<K extends string | number>(keys: readonly K[], key: K): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (keys[middle]! < key) low = middle + 1
    else high = middle
  }
  return low
}

/** The child that holds `key`, or would. */
function childAt<K extends string | number>(keys: readonly K[], key: K): number {
  let low = 1
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (keys[middle]! <= key) low = middle + 1
    else high = middle
  }
  return low - 1
}
