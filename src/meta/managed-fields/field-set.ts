import { isObject } from '../merge-patch.ts'
import { compareElements, readElement } from './element.ts'

/**
 * A set of field paths in the form that `metadata.managedFields` carries (FieldsV1, KEP-555): a tree of path elements, `f:` a field,
 * `k:` an item of a keyed list, `v:` an item of a set, `i:` an index. A node without children is in the set; one with children only if it has the
 * mark `.`. Elements stand in upstream's order, since the text of a set is what clients see. The tree is never changed in place, so sets share what they have in common.
 *
 *     { "f:spec": { "f:replicas": {}, "f:selector": { ".": {}, "f:app": {} } } }
 *     holds .spec.replicas, .spec.selector and .spec.selector.app, not .spec
 *
 * The root stands for the object itself and is never a member; `{}` is the empty set.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet
}

export const EMPTY_SET: FieldSet = Object.freeze({})

export const MEMBER = '.'
export const LEAF: FieldSet = Object.freeze({})

export const isEmptySet = (set: FieldSet): boolean => isBare(set)

/** Whether the node itself belongs to the set it is in. */
export const isMember = (node: FieldSet): boolean => MEMBER in node || isBare(node)

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isBare(b)) return a
  if (isBare(a)) return b
  return joined(a, b, false)
}

export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return isBare(a) || isBare(b) ? a : (without(a, b, false) ?? EMPTY_SET)
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return isBare(a) || isBare(b) ? EMPTY_SET : (common(a, b, false) ?? EMPTY_SET)
}

/** `a` without the members of `b` and whatever lies below them. */
export function withoutBelow(a: FieldSet, b: FieldSet): FieldSet {
  if (isBare(a) || isBare(b)) return a
  return pruned(a, b, false) ?? EMPTY_SET
}

export function equalSets(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every((key) => key in b && equalSets(a[key]!, b[key]!))
}

/** The path elements of each member: those of a node before what lies below it. */
export function* members(set: FieldSet, prefix: readonly string[] = []): Iterable<readonly string[]> {
  for (const element in set) if (element !== MEMBER && isMember(set[element]!)) yield [...prefix, element]
  for (const element in set) if (element !== MEMBER) yield* members(set[element]!, [...prefix, element])
}

/** Collects paths; the only place where a tree grows. Paths mostly share their beginning with the one before, which is not looked up again. */
export class FieldSetBuilder {
  readonly #root: Growing = { member: false, children: undefined, whole: undefined }
  /** The nodes on the way of the last path, and its elements. */
  readonly #nodes: Growing[] = []
  readonly #elements: string[] = []

  add(path: readonly string[]): void {
    this.#nodeAt(path).member = true
  }

  /** Adds all that is at a place, which nothing else is added to. */
  addWhole(path: readonly string[], node: FieldSet): void {
    this.#nodeAt(path).whole = node
  }

  #nodeAt(path: readonly string[]): Growing {
    let depth = 0
    while (depth < path.length && this.#elements[depth] === path[depth]) depth++
    let node = depth === 0 ? this.#root : this.#nodes[depth - 1]!
    this.#nodes.length = depth
    this.#elements.length = depth
    for (; depth < path.length; depth++) {
      node = childOf(node, path[depth]!)
      this.#nodes.push(node)
      this.#elements.push(path[depth]!)
    }
    return node
  }

  build(): FieldSet {
    return grown(this.#root, false) ?? EMPTY_SET
  }
}

interface Growing {
  member: boolean
  /** Most nodes are leaves. */
  children: Map<string, Growing> | undefined
  /** Instead of both. */
  whole: FieldSet | undefined
}

function childOf(node: Growing, element: string): Growing {
  node.children ??= new Map()
  let child = node.children.get(element)
  if (child === undefined) {
    child = { member: false, children: undefined, whole: undefined }
    node.children.set(element, child)
  }
  return child
}

function grown({ member, children, whole }: Growing, inner: boolean): FieldSet | undefined {
  if (whole !== undefined) return whole
  if (children === undefined) return inner && member ? LEAF : undefined
  const built: Record<string, FieldSet> = {}
  if (inner && member) built[MEMBER] = LEAF
  for (const element of elementsInOrder(children)) built[element] = grown(children.get(element)!, true)!
  return built
}

function elementsInOrder(children: ReadonlyMap<string, Growing>): Iterable<string> {
  let before: string | undefined
  for (const element of children.keys()) {
    if (before !== undefined && compareElements(before, element) > 0) return [...children.keys()].sort(compareElements)
    before = element
  }
  return children.keys()
}

/** Sets deeper than this are none. */
const DEPTH_MAX = 1_000

/**
 * Reads a FieldsV1 document that a client sent, into the one form that it has. Elements of unknown kinds are left out. Undefined when it is no set, for which the
 * server falls back on what it had.
 */
export function readFieldSet(value: unknown): FieldSet | undefined {
  const read = readNode(value, 0)
  if (read === undefined || !(MEMBER in read)) return read
  const { [MEMBER]: _, ...children } = read
  return children
}

function readNode(value: unknown, depth: number): FieldSet | undefined {
  if (value === null) return LEAF
  if (!isObject(value) || depth > DEPTH_MAX) return undefined
  const children: Record<string, FieldSet> = {}
  for (const name of Object.keys(value)) {
    if (name === MEMBER) continue
    const element = readElement(name)
    if (element === 'ignored') continue
    const child = element === undefined ? undefined : readNode(value[name], depth + 1)
    if (child === undefined) return undefined
    children[element!] = Object.hasOwn(children, element!) ? joined(children[element!]!, child, true) : child
  }
  if (isBare(children)) return LEAF
  return inOrder(MEMBER in value ? { [MEMBER]: LEAF, ...children } : children)
}

/** The same node with its elements in order. */
export function inOrder(node: FieldSet): FieldSet {
  let before: string | undefined
  for (const element in node) {
    if (before !== undefined && compareElements(before, element) > 0) return sorted(node)
    before = element
  }
  return node
}

function sorted(node: FieldSet): FieldSet {
  const result: Record<string, FieldSet> = {}
  for (const element of Object.keys(node).sort(compareElements)) result[element] = node[element]!
  return result
}

function isBare(node: object): boolean {
  for (const _ in node) return false
  return true
}

/** A node of these children; undefined when nothing is left of it. */
function nodeOf(member: boolean, children: Record<string, FieldSet>): FieldSet | undefined {
  if (isBare(children)) return member ? LEAF : undefined
  return member ? { [MEMBER]: LEAF, ...children } : children
}

function joined(a: FieldSet, b: FieldSet, inner: boolean): FieldSet {
  if (a === b) return a
  const children: Record<string, FieldSet> = {}
  for (const element in a) {
    if (element === MEMBER) continue
    children[element] = element in b ? joined(a[element]!, b[element]!, true) : a[element]!
  }
  let isNew = false
  for (const element in b) {
    if (element === MEMBER || element in a) continue
    children[element] = b[element]!
    isNew = true
  }
  const node = nodeOf(inner && (isMember(a) || isMember(b)), children) ?? EMPTY_SET
  return isNew ? inOrder(node) : node
}

function without(a: FieldSet, b: FieldSet, inner: boolean): FieldSet | undefined {
  const children: Record<string, FieldSet> = {}
  for (const element in a) {
    if (element === MEMBER) continue
    const left = element in b ? without(a[element]!, b[element]!, true) : a[element]!
    if (left !== undefined) children[element] = left
  }
  return nodeOf(inner && isMember(a) && !isMember(b), children)
}

function common(a: FieldSet, b: FieldSet, inner: boolean): FieldSet | undefined {
  const children: Record<string, FieldSet> = {}
  for (const element in a) {
    if (element === MEMBER || !(element in b)) continue
    const left = common(a[element]!, b[element]!, true)
    if (left !== undefined) children[element] = left
  }
  return nodeOf(inner && isMember(a) && isMember(b), children)
}

function pruned(a: FieldSet, b: FieldSet, inner: boolean): FieldSet | undefined {
  const children: Record<string, FieldSet> = {}
  for (const element in a) {
    if (element === MEMBER) continue
    const cut = b[element]
    if (cut !== undefined && isMember(cut)) continue
    const left = cut === undefined ? a[element]! : pruned(a[element]!, cut, true)
    if (left !== undefined) children[element] = left
  }
  return nodeOf(inner && isMember(a), children)
}
