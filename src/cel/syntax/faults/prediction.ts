import { Configurations, sameStacks, type Way } from './configurations.ts'
import type { Stack, Stacks } from './follow.ts'
import type { State, Step } from './network.ts'
import { EOF, type Type } from './tokens.ts'

/** What to read: an alternative, from 1; or none, and the token at which that was clear (its place behind the first). */
export type Prediction = { readonly alternative: number } | { readonly alternative: undefined; readonly at: number }

interface Question {
  /** The decision. */
  readonly at: State
  /** Kinds of the tokens to come. */
  readonly ahead: (offset: number) => Type
  /** What is open. */
  readonly open: () => Stack
  /** How tightly what goes on must bind at least. */
  readonly precedence: number
}

/** What is known after some tokens, and where the next leads. */
interface Point {
  readonly configurations: Configurations
  readonly onward: Map<Type, Point | 'nowhere'>
  /** What is told by now to be read. */
  readonly alternative: number | undefined
  /** Whether one must know what is open to tell more. */
  readonly isInConflict: boolean
}

interface Walk {
  readonly found: Configurations
  readonly seen: Set<string>
  /** Whether it is in front of the first token: what binds too loosely is not begun. */
  readonly isFirst: boolean
  readonly knowsOpen: boolean
  readonly isAtEnd: boolean
  readonly question: Question
}

/**
 * Looks ahead as far as it takes to tell alternatives apart (adaptive LL(*), https://www.antlr.org/papers/allstar-techreport.pdf): first without
 * a look at what is open, which says the same for all places of a text, and where that is not enough with it.
 */
export class Predictor {
  readonly #stacks: Stacks
  /** What was seen once is known: by the decision and what it depends on, and by all ways that there are. */
  readonly #starts = new Map<string, Point>()
  readonly #points = new Map<string, Point>()

  constructor(stacks: Stacks) {
    this.#stacks = stacks
  }

  predict(question: Question): Prediction {
    return this.#predict(question, undefined) ?? this.#predict(question, question.open())!
  }

  /** Undefined where one must know what is open. */
  #predict(question: Question, open: Stack | undefined): Prediction | undefined {
    let point = this.#start(question, open)
    for (let offset = 0; ; ) {
      const type = question.ahead(offset)
      const next = this.#onward(point, type, question, open !== undefined)
      if (next === 'nowhere') {
        const { finished } = point.configurations
        // Upstream tells of a failure in the second look as if it had been at the first token.
        return finished === undefined
          ? { alternative: undefined, at: open === undefined ? offset : 0 }
          : { alternative: finished }
      }
      if (next.alternative !== undefined) return { alternative: next.alternative }
      if (next.isInConflict) return undefined
      point = next
      if (type !== EOF) offset++
    }
  }

  #start(question: Question, open: Stack | undefined): Point {
    const { at, precedence } = question
    const goesOn = at.endOfRound !== undefined
    const key = `${at.id} ${open?.id} ${precedence}`
    let point = this.#starts.get(key)
    if (point === undefined) {
      let configurations = this.#first(question, open)
      if (open === undefined) {
        configurations.generalise(this.#stacks)
        if (goesOn) configurations = binding(configurations, precedence)
      }
      point = { configurations, onward: new Map(), alternative: undefined, isInConflict: false }
      this.#starts.set(key, point)
    }
    return point
  }

  #first(question: Question, open: Stack | undefined): Configurations {
    const found = new Configurations()
    for (const [index, step] of question.at.steps.entries()) {
      const walk = { found, seen: new Set<string>(), isFirst: true, knowsOpen: open !== undefined, isAtEnd: false, question }
      const stack = open ?? this.#stacks.empty
      const way = { state: step.to, alternative: index + 1, stack, level: undefined, left: false, outermost: false }
      this.#walk(way, 0, walk)
    }
    return found
  }

  #onward(point: Point, type: Type, question: Question, knowsOpen: boolean): Point | 'nowhere' {
    let next = point.onward.get(type)
    if (next === undefined) {
      const configurations = this.#reach(point.configurations, type, knowsOpen, question)
      if (!knowsOpen) configurations.generalise(this.#stacks)
      next = configurations.isEmpty ? 'nowhere' : this.#point(configurations, question, knowsOpen)
      point.onward.set(type, next)
    }
    return next
  }

  #point(configurations: Configurations, question: Question, knowsOpen: boolean): Point {
    const key = `${question.at.id} ${knowsOpen} ${configurations.key}`
    let point = this.#points.get(key)
    if (point === undefined) {
      const alternative = configurations.only ?? (knowsOpen ? configurations.onlyViable : undefined)
      const isInConflict = !knowsOpen && alternative === undefined && configurations.isInConflict
      point = { configurations, onward: new Map(), alternative, isInConflict }
      this.#points.set(key, point)
    }
    return point
  }

  #reach(from: Configurations, type: Type, knowsOpen: boolean, question: Question): Configurations {
    const met = new Configurations()
    const ended = new Configurations()
    for (const configuration of from.all) {
      const { state, stacks } = configuration
      if (state.kind === 'stop') {
        if (knowsOpen || type === EOF) ended.keep(configuration)
        continue
      }
      for (const step of state.steps) {
        if (step.kind !== 'token' || !step.types.has(type)) continue
        for (const stack of stacks) met.add({ ...configuration, state: step.to, stack })
      }
    }
    if (ended.isEmpty && type !== EOF && met.only !== undefined) return met
    let reached = new Configurations()
    const walk = { found: reached, seen: new Set<string>(), isFirst: false, knowsOpen, isAtEnd: type === EOF, question }
    for (const configuration of met.all)
      for (const stack of configuration.stacks) this.#walk({ ...configuration, stack }, 0, walk)
    if (type === EOF) {
      const whole = new Configurations()
      for (const configuration of reached.all) if (configuration.state.kind === 'stop') whole.keep(configuration)
      reached = whole
    }
    const hasEnded = [...reached.all].some(({ state }) => state.kind === 'stop')
    if (!knowsOpen || !hasEnded)
      for (const configuration of ended.all) for (const stack of configuration.stacks) reached.add({ ...configuration, stack })
    return reached
  }

  /** Goes wherever no token is needed. `depth`: how many rules were entered since the one that asks; below zero once that was left. */
  #walk(way: Way, depth: number, walk: Walk): void {
    const { state, stack } = way
    if (state.kind === 'stop') {
      if (stack.follow !== undefined) {
        this.#walk({ ...way, state: stack.follow, stack: stack.parent! }, depth - 1, walk)
        return
      }
      if (walk.knowsOpen) {
        walk.found.add(way)
        return
      }
    }
    const key = `${state.id} ${way.alternative} ${stack.id} ${way.level} ${way.left} ${way.outermost} ${depth === 0}`
    if (walk.seen.has(key)) return
    walk.seen.add(key)
    if (state.steps.length === 0 || state.steps.some(({ kind }) => kind === 'token')) walk.found.add(way)
    for (const [index, step] of state.steps.entries()) {
      if (index === 0 && goesOnOutside(state, stack)) continue
      this.#step(way, step, depth, walk)
    }
  }

  #step(way: Way, step: Step, depth: number, walk: Walk): void {
    const next = { ...way, state: step.to }
    switch (step.kind) {
      case 'token':
        if (walk.isAtEnd && step.types.has(EOF)) this.#walk(next, depth, walk)
        return
      case 'rule':
        this.#walk({ ...next, stack: this.#stacks.push(way.stack, step.follow) }, depth >= 0 ? depth + 1 : depth, walk)
        return
      case 'level':
        if (!walk.isFirst || depth !== 0) this.#walk(next, depth, walk)
        else if (!walk.knowsOpen) this.#walk({ ...next, level: step.level }, depth, walk)
        else if (step.level >= walk.question.precedence) this.#walk(next, depth, walk)
        return
      case 'empty':
        if (way.state.kind !== 'stop') this.#walk(next, depth, walk)
        else {
          const { at } = walk.question
          const outermost = way.outermost || (at.endOfRound !== undefined && step.outermost === at.rule)
          this.#walk({ ...next, left: true, outermost }, depth - 1, walk)
        }
    }
  }
}

/** Of a rule that begins with itself: it goes on with what binds tightly enough, and where it could as well end to be gone on with outside, it goes on itself. */
function binding(all: Configurations, precedence: number): Configurations {
  const found = new Configurations()
  const going = new Map<number, string>()
  for (const configuration of all.all) {
    if (configuration.alternative !== 1 || (configuration.level ?? Infinity) < precedence) continue
    going.set(configuration.state.id, sameStacks(configuration.stacks))
    found.keep({ ...configuration, level: undefined })
  }
  for (const configuration of all.all) {
    if (configuration.alternative === 1) continue
    const { state, stacks, outermost } = configuration
    if (outermost || going.get(state.id) !== sameStacks(stacks)) found.keep(configuration)
  }
  return found
}

/** Whether a rule inside of itself may as well be left to its outer one to go on with. */
const goesOnOutside = ({ endOfRound }: State, { follow }: Stack): boolean => endOfRound !== undefined && follow === endOfRound
