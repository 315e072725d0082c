import type { Token } from '../lexer.ts'
import { nextBehind, nextWithin, type Stack, type Stacks } from './follow.ts'
import type { Input } from './input.ts'
import type { State } from './network.ts'
import { EOF, EPSILON, missingText, shownTypes, type Type } from './tokens.ts'
import type { Node } from './tree.ts'

/** Ends the reading of a rule: what it would read next is not there. */
export class Fault {
  readonly message: string
  readonly token: Token

  constructor(message: string, token: Token) {
    this.message = message
    this.token = token
  }
}

/** Ends the reading of a text. */
export class GivenUp {
  /** Told of without a place, unless it has been told. */
  readonly message: string | undefined

  constructor(message?: string) {
    this.message = message
  }
}

/** Upstream's bounds for one text, and for one way out of an error. */
const RECOVERIES_MAX = 30
const SKIPPED_MAX = 256
const REPORTS_MAX = 100

/** Where a text is read. */
export interface Place {
  readonly state: State
  readonly node: Node
}

/**
 * Goes on behind what is wrong, so that the rest is looked at too, and tells of no two errors without a token between them that was right. This is
 * ANTLR's strategy (https://www.antlr.org/, `DefaultErrorStrategy`): one token too many is stepped over, one that is missing is made up,
 * and else everything is skipped up to what may follow one of the rules that are open.
 */
export class Recovery {
  readonly #input: Input
  readonly #stacks: Stacks
  readonly #report: (token: Token, message: string) => void
  #isRecovering = false
  #lastIndex = -1
  readonly #lastStates = new Set<State>()
  #recoveries = 0
  #reports = 0

  constructor(input: Input, stacks: Stacks, report: (token: Token, message: string) => void) {
    this.#input = input
    this.#stacks = stacks
    this.#report = report
  }

  /** A token was as it should be. */
  matched(): void {
    this.#isRecovering = false
    this.#lastIndex = -1
    this.#lastStates.clear()
  }

  /** In front of a decision: whether something can be read there. */
  sync(place: Place): void {
    if (this.#isRecovering) return
    const next = nextWithin(place.state)
    if (next.has(EPSILON) || next.has(this.#input.type(0))) return
    if (place.state.kind === 'choice') {
      if (this.#dropOne(place)) return
      throw this.#mismatch(place)
    }
    this.#reportUnwanted(place)
    this.#skip(new Set([...expected(place), ...recoverySet(place.node)]))
  }

  /** In place of a token that is not there. */
  inline(place: Place, next: State): Token {
    this.#count()
    if (this.#dropOne(place)) return this.#input.consume()
    if (nextBehind(next, stackOf(place.node, this.#stacks), this.#stacks).has(this.#input.type(0))) {
      this.#reportMissing(place)
      return this.#madeUp(place)
    }
    throw this.#mismatch(place)
  }

  /** Tells of what ended a rule, and goes on behind it. */
  recover({ message, token }: Fault, { state, node }: Place): void {
    if (!this.#isRecovering) {
      this.#isRecovering = true
      this.tell(token, message)
    }
    this.#count()
    let skipped = 0
    const skip = (): void => {
      if (skipped++ >= SKIPPED_MAX) throw new GivenUp(`error recovery token lookahead limit exceeded: ${SKIPPED_MAX}`)
      this.#input.consume()
    }
    if (this.#lastIndex === this.#input.index && this.#lastStates.has(state)) skip()
    this.#lastIndex = this.#input.index
    this.#lastStates.add(state)
    this.#skip(recoverySet(node), skip)
  }

  tell(token: Token, message: string): void {
    if (this.#reports++ < REPORTS_MAX) this.#report(token, message)
    else {
      this.#report(token, `More than ${REPORTS_MAX} syntax errors`)
      throw new GivenUp()
    }
  }

  #count(): void {
    if (this.#recoveries++ < RECOVERIES_MAX) return
    this.tell(this.#input.token(0), `error recovery attempt limit exceeded: ${RECOVERIES_MAX}`)
    throw new GivenUp()
  }

  #mismatch(place: Place): Fault {
    const token = this.#input.token(0)
    return new Fault(`mismatched input ${shown(token)} expecting ${shownTypes(expected(place))}`, token)
  }

  /** Steps over a token behind which all is well. */
  #dropOne(place: Place): boolean {
    if (!expected(place).has(this.#input.type(1))) return false
    this.#reportUnwanted(place)
    this.#input.consume()
    this.matched()
    return true
  }

  #reportUnwanted(place: Place): void {
    if (this.#isRecovering) return
    this.#isRecovering = true
    const token = this.#input.token(0)
    this.tell(token, `extraneous input ${shown(token)} expecting ${shownTypes(expected(place))}`)
  }

  #reportMissing(place: Place): void {
    if (this.#isRecovering) return
    this.#isRecovering = true
    const token = this.#input.token(0)
    this.tell(token, `missing ${shownTypes(expected(place))} at ${shown(token)}`)
  }

  #madeUp(place: Place): Token {
    const type = Math.min(...expected(place))
    const here = this.#input.token(0)
    const { start } = here.kind === 'end' ? (this.#input.before ?? here) : here
    return { kind: 'identifier', text: missingText(type), start }
  }

  #skip(until: ReadonlySet<Type>, skip: () => void = () => void this.#input.consume()): void {
    for (let type = this.#input.type(0); type !== EOF && !until.has(type); type = this.#input.type(0)) skip()
  }
}

const shown = ({ text }: Token): string => quoted(text)

/** As messages show a piece of text. */
export const quoted = (text: string): string =>
  `'${text.replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r')}'`

const followOf = (from: State | undefined): State | undefined => {
  const step = from?.steps[0]
  return step?.kind === 'rule' ? step.follow : undefined
}

/** What may come next, where a rule may end also behind it. */
function expected({ state, node }: Place): ReadonlySet<Type> {
  let next = nextWithin(state)
  if (!next.has(EPSILON)) return next
  const found = new Set(next)
  for (let at: Node | undefined = node; at !== undefined && next.has(EPSILON); at = at.parent) {
    const follow = followOf(at.from)
    if (follow === undefined) break
    next = nextWithin(follow)
    for (const type of next) found.add(type)
  }
  found.delete(EPSILON)
  if (next.has(EPSILON)) found.add(EOF)
  return found
}

/** What may follow one of the rules that are open. */
function recoverySet(node: Node): Set<Type> {
  const found = new Set<Type>()
  for (let at: Node | undefined = node; at !== undefined; at = at.parent) {
    const follow = followOf(at.from)
    if (follow === undefined) break
    for (const type of nextWithin(follow)) found.add(type)
  }
  found.delete(EPSILON)
  return found
}

/** The rules that are open around a node. */
export function stackOf(node: Node, stacks: Stacks): Stack {
  const follows: State[] = []
  for (let at: Node | undefined = node; at !== undefined; at = at.parent) {
    const follow = followOf(at.from)
    if (follow !== undefined) follows.push(follow)
  }
  return follows.reduceRight((stack, follow) => stacks.push(stack, follow), stacks.empty)
}
