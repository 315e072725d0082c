import type { Stack, Stacks } from './follow.ts'
import type { State } from './network.ts'

/** One way to have read what was looked at: the alternative that was chosen, where it got to, and what was open. */
export interface Way {
  readonly state: State
  readonly alternative: number
  readonly stack: Stack
  /** Of one that goes on with the rule that asks: how tightly that binds. */
  readonly level: number | undefined
  /** Whether it left the rule that asks. */
  readonly left: boolean
  /** Whether it left a rule that begins with itself from the outside. */
  readonly outermost: boolean
}

/** Ways that differ in what is open alone. */
export interface Configuration {
  readonly state: State
  readonly alternative: number
  readonly level: number | undefined
  stacks: Set<Stack>
  left: boolean
  outermost: boolean
}

/** Where all ways of reading a text have got to. */
export class Configurations {
  readonly #known = new Map<string, Configuration>()

  get all(): Iterable<Configuration> {
    return this.#known.values()
  }

  get isEmpty(): boolean {
    return this.#known.size === 0
  }

  add({ state, alternative, level, stack, left, outermost }: Way): void {
    const key = `${state.id} ${alternative} ${level ?? ''}`
    const known = this.#known.get(key)
    if (known === undefined) this.#known.set(key, { state, alternative, level, stacks: new Set([stack]), left, outermost })
    else {
      known.stacks.add(stack)
      known.left ||= left
      known.outermost ||= outermost
    }
  }

  keep(configuration: Configuration): void {
    this.#known.set(`${configuration.state.id} ${configuration.alternative} ${configuration.level ?? ''}`, configuration)
  }

  /** The alternative that all are of. */
  get only(): number | undefined {
    let found: number | undefined
    for (const { alternative } of this.all) {
      if (found !== undefined && found !== alternative) return undefined
      found = alternative
    }
    return found
  }

  /** The first alternative of each that more text would not tell apart, if it is one for all. */
  get onlyViable(): number | undefined {
    const viable = new Set(this.subsets().map((subset) => Math.min(...subset)))
    return viable.size === 1 ? viable.values().next().value : undefined
  }

  /** The same for the same ways. */
  get key(): string {
    const each = [...this.#known].map(([key, { stacks, left, outermost }]) => `${key}:${sameStacks(stacks)}:${left}:${outermost}`)
    return each.sort().join('|')
  }

  /** Without outer rules that are not known: nothing open stands for anything that might be. */
  generalise(stacks: Stacks): this {
    for (const configuration of this.all) configuration.stacks = new Set(general([...configuration.stacks], stacks))
    return this
  }

  /** The alternatives of those that are alike in all but these. */
  subsets(): Set<number>[] {
    const subsets = new Map<string, Set<number>>()
    for (const { state, stacks, alternative } of this.all) {
      const key = `${state.id}:${sameStacks(stacks)}`
      const subset = subsets.get(key)
      if (subset === undefined) subsets.set(key, new Set([alternative]))
      else subset.add(alternative)
    }
    return [...subsets.values()]
  }

  /** Whether more text would not tell alternatives apart, as far as one can see without knowing what is open. */
  get isInConflict(): boolean {
    const all = [...this.all]
    if (all.every(({ state }) => state.kind === 'stop')) return true
    if (!this.subsets().some(({ size }) => size > 1)) return false
    const byState = new Map<number, Set<number>>()
    for (const { state, alternative } of all) {
      const known = byState.get(state.id)
      if (known === undefined) byState.set(state.id, new Set([alternative]))
      else known.add(alternative)
    }
    return [...byState.values()].every(({ size }) => size > 1)
  }

  /** The first alternative after which the rule that asks may have ended. */
  get finished(): number | undefined {
    let found: number | undefined
    for (const { state, stacks, alternative, left } of this.all) {
      const ends = left || (state.kind === 'stop' && [...stacks].some(({ follow }) => follow === undefined))
      if (ends && (found === undefined || alternative < found)) found = alternative
    }
    return found
  }
}

export const sameStacks = (stacks: ReadonlySet<Stack>): string =>
  stacks.size === 1
    ? String(stacks.values().next().value!.id)
    : [...stacks]
        .map(({ id }) => id)
        .sort((a, b) => a - b)
        .join()

function general(all: readonly Stack[], stacks: Stacks): Stack[] {
  if (all.length === 1) return [...all]
  if (all.some(({ follow }) => follow === undefined)) return [stacks.empty]
  const byFollow = new Map<State, Stack[]>()
  for (const { follow, parent } of all) {
    const parents = byFollow.get(follow!)
    if (parents === undefined) byFollow.set(follow!, [parent!])
    else parents.push(parent!)
  }
  return [...byFollow].flatMap(([follow, parents]) => general(parents, stacks).map((parent) => stacks.push(parent, follow)))
}
