import { type FieldSet, inOrder, LEAF, MEMBER } from './field-set.ts'

/** What is remembered, of all types together; past it everything is forgotten, and found anew. A long element counts as several. */
const STEPS_MAX = 20_000
const ELEMENT_LENGTH = 100
/** Sets of one element in one place, beside which a further one is not remembered. */
const ALTERNATIVES_MAX = 8

let steps = 0
const started = new Set<KnownSets>()

/**
 * The sets of one type that were met before, as a tree of the ways through their elements: who goes a way that was gone before finds the set at its end, with nothing
 * made on the way.
 *
 *     start ─ f:name {} ─ f:image {} ─ f:args {}     → { "f:name": {}, "f:image": {}, "f:args": {} }
 *                       ╰ f:ports {…} ─ f:image {}   → { "f:name": {}, "f:ports": {…}, "f:image": {} }
 */
export class KnownSets {
  #start: Step | undefined

  start(): Step {
    if (this.#start === undefined) {
      this.#start = new Step(undefined, '', LEAF)
      started.add(this)
    }
    return this.#start
  }

  static count(element: string): void {
    steps += 1 + Math.floor(element.length / ELEMENT_LENGTH)
    if (steps <= STEPS_MAX) return
    steps = 0
    for (const known of started) known.#start = undefined
    started.clear()
  }
}

/** One element of a set with its node, behind those that came before it. */
export class Step {
  readonly #before: Step | undefined
  readonly #element: string
  readonly #node: FieldSet
  /** The way that was taken last from here; most often it is the only one. */
  #last: Step | undefined
  #ways: Map<string, Step[]> | undefined
  #set: FieldSet | undefined
  #memberSet: FieldSet | undefined

  constructor(before: Step | undefined, element: string, node: FieldSet) {
    this.#before = before
    this.#element = element
    this.#node = node
  }

  to(element: string, node: FieldSet): Step {
    const last = this.#last
    if (last !== undefined && last.#element === element && last.#node === node) return last
    this.#last = this.#ways?.get(element)?.find((each) => each.#node === node) ?? this.#grow(element, node)
    return this.#last
  }

  #grow(element: string, node: FieldSet): Step {
    KnownSets.count(element)
    const step = new Step(this, element, node)
    if (this.#last === undefined) return step
    if (this.#ways === undefined) this.#ways = new Map([[this.#last.#element, [this.#last]]])
    const alternatives = this.#ways.get(element)
    if (alternatives === undefined) this.#ways.set(element, [step])
    else if (alternatives.length < ALTERNATIVES_MAX) alternatives.push(step)
    return step
  }

  /** Of the elements up to here; shared, and frozen. Undefined when there are none, and the place of the set is no member itself. */
  set(isMember: boolean): FieldSet | undefined {
    if (this.#before === undefined) return isMember ? LEAF : undefined
    if (isMember) {
      this.#memberSet ??= this.#build({ [MEMBER]: LEAF })
      return this.#memberSet
    }
    this.#set ??= this.#build({})
    return this.#set
  }

  #build(set: Record<string, FieldSet>): FieldSet {
    const way: Step[] = []
    for (let step: Step = this; step.#before !== undefined; step = step.#before) way.push(step)
    for (let index = way.length - 1; index >= 0; index--) set[way[index]!.#element] = way[index]!.#node
    return Object.freeze(inOrder(set))
  }
}
