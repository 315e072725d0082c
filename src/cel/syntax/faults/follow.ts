import type { State } from './network.ts'
import { EOF, EPSILON, type Type } from './tokens.ts'

/** Where rules that are open go on, the innermost first. Of each there is one: two that go on alike are the same. */
export interface Stack {
  readonly id: number
  readonly follow: State | undefined
  readonly parent: Stack | undefined
}

/** Makes stacks for one text. */
export class Stacks {
  #count = 2
  readonly #known = new Map<number, Map<number, Stack>>()
  /** Nothing is open, or it is not known what. */
  readonly empty: Stack = { id: 0, follow: undefined, parent: undefined }

  push(parent: Stack, follow: State): Stack {
    let known = this.#known.get(parent.id)
    if (known === undefined) this.#known.set(parent.id, (known = new Map()))
    let stack = known.get(follow.id)
    if (stack === undefined) known.set(follow.id, (stack = { id: this.#count++, follow, parent }))
    return stack
  }
}

const [WITHIN, WHOLE] = [new WeakMap<State, ReadonlySet<Type>>(), { id: 1, follow: undefined, parent: undefined }]

/** What may come next from a state on. Where the rule may end there: {@link EPSILON}. */
export function nextWithin(state: State): ReadonlySet<Type> {
  let found = WITHIN.get(state)
  if (found === undefined) WITHIN.set(state, (found = next(state, WHOLE, EPSILON, new Stacks())))
  return found
}

/** What may come next with these rules open. Where all may end: {@link EOF}. */
export const nextBehind = (state: State, stack: Stack, stacks: Stacks): ReadonlySet<Type> => next(state, stack, EOF, stacks)

function next(from: State, stack: Stack, end: Type, stacks: Stacks): ReadonlySet<Type> {
  const found = new Set<Type>()
  const seen = new Set<string>()
  const called = new Set<string>()
  const look = (state: State, open: Stack): void => {
    const key = `${state.id} ${open.id}`
    if (seen.has(key)) return
    seen.add(key)
    if (state.kind === 'stop') {
      if (open.follow === undefined) found.add(end)
      else {
        const wasCalled = called.delete(state.rule)
        look(open.follow, open.parent!)
        if (wasCalled) called.add(state.rule)
      }
      return
    }
    for (const step of state.steps) {
      if (step.kind === 'token') for (const type of step.types) found.add(type)
      else if (step.kind !== 'rule') look(step.to, open)
      else if (!called.has(step.to.rule)) {
        called.add(step.to.rule)
        look(step.to, stacks.push(open, step.follow))
        called.delete(step.to.rule)
      }
    }
  }
  look(from, stack)
  return found
}
