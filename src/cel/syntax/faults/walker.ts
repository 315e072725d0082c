import type { Token } from '../lexer.ts'
import { nextWithin, Stacks } from './follow.ts'
import type { RuleName } from './grammar.ts'
import type { Input } from './input.ts'
import { loadedNetwork, type Network, type Placed, type PlacedAlternative, type PlacedRule, type State } from './network.ts'
import { Predictor } from './prediction.ts'
import { Fault, GivenUp, quoted, Recovery, stackOf } from './recovery.ts'
import { Node } from './tree.ts'

interface WalkOptions {
  readonly input: Input
  readonly report: (token: Token, message: string) => void
  /** The text from one token to the end of another. */
  readonly textOf: (from: Token, to: Token) => string
  /** How deep each rule may be nested. */
  readonly depthMax: number
}

/** What is still to be done, the next on top. */
interface Task {
  readonly run: () => void
  /** Whether a rule ends here: whoever fails inside of it goes on there. */
  readonly endsRule: boolean
}

/**
 * Reads a text by the grammar as upstream's generated parser does, and goes on where it is wrong. What is to be read is kept as a list of tasks, for a text may be nested
 * deeper than calls may.
 */
export class Walker {
  readonly #network: Network = loadedNetwork()
  readonly #options: WalkOptions
  readonly #input: Input
  readonly #stacks = new Stacks()
  readonly #predictor = new Predictor(this.#stacks)
  readonly #recovery: Recovery
  readonly #tasks: Task[] = []
  readonly #precedences: number[] = []
  readonly #depths = new Map<RuleName, number>()
  #state: State | undefined
  #node: Node | undefined

  constructor(options: WalkOptions) {
    this.#options = options
    this.#input = options.input
    this.#recovery = new Recovery(this.#input, this.#stacks, options.report)
  }

  /** Throws {@link GivenUp} where upstream reads no further. */
  walk(): Node {
    let tree: Node | undefined
    this.#rule('start', 0, (node) => void (tree = node))
    for (let task = this.#tasks.pop(); task !== undefined; task = this.#tasks.pop()) {
      try {
        task.run()
      } catch (fault) {
        if (!(fault instanceof Fault)) throw fault
        while (this.#tasks.at(-1)?.endsRule === false) this.#tasks.pop()
        this.#recovery.recover(fault, this.#place)
      }
    }
    return tree!
  }

  #then(run: () => void): void {
    this.#tasks.push({ run, endsRule: false })
  }

  #rule(name: RuleName, precedence: number, done: (node: Node) => void): void {
    const rule = this.#network.get(name)!
    const [parent, from] = [this.#node, this.#state]
    const node = new Node(name, parent, from, this.#input.token(0))
    node.name = rule.name
    this.#state = rule.start
    this.#node = node
    this.#deeper(name)
    const { goesOn } = rule
    if (goesOn !== undefined) this.#precedences.push(precedence)
    const end = (): void => {
      const read = this.#node!
      if (goesOn !== undefined) this.#precedences.pop()
      this.#depths.set(name, this.#depths.get(name)! - 1)
      parent?.children.push(read)
      this.#node = parent
      if (goesOn === undefined) this.#state = from
      done(read)
    }
    this.#tasks.push({ run: end, endsRule: true })
    if (goesOn !== undefined) this.#then(() => this.#goOn(goesOn, goesOn.at))
    this.#pieces(rule.pieces)
  }

  get #place(): { readonly state: State; readonly node: Node } {
    return { state: this.#state!, node: this.#node! }
  }

  #deeper(name: RuleName): void {
    const depth = (this.#depths.get(name) ?? 0) + 1
    this.#depths.set(name, depth)
    const { depthMax } = this.#options
    if (depth > depthMax) throw new GivenUp(`expression recursion limit exceeded: ${depthMax}`)
  }

  /** What a rule that begins with itself has read is the first part of what it reads next. */
  #goOn(goesOn: PlacedRule['goesOn'] & object, from: State): void {
    this.#sync(from)
    if (this.#predict(goesOn.at) !== 1) return
    const { alternatives, back, block } = goesOn
    let alternative = alternatives[0]!
    if (alternatives.length > 1) {
      this.#sync(block)
      alternative = alternatives[this.#predict(block) - 1]!
    }
    const first = this.#node!
    const whole = new Node(first.rule, first.parent, first.from, first.start)
    whole.children.push(first)
    this.#node = whole
    this.#then(() => this.#goOn(goesOn, back))
    this.#alternative(alternative)
  }

  #alternative({ name, at, pieces }: PlacedAlternative): void {
    this.#node!.name = name
    this.#state = at
    this.#pieces(pieces)
  }

  #sync(state: State): void {
    this.#state = state
    this.#recovery.sync(this.#place)
  }

  #predict(at: State): number {
    const input = this.#input
    const node = this.#node!
    const prediction = this.#predictor.predict({
      at,
      ahead: (offset) => input.type(offset),
      open: () => stackOf(node, this.#stacks),
      precedence: this.#precedences.at(-1) ?? -1,
    })
    if (prediction.alternative !== undefined) return prediction.alternative
    throw this.#noViable(input.token(prediction.at))
  }

  #noViable(until: Token): Fault {
    const from = this.#input.token(0)
    const text = from.kind === 'end' ? '<EOF>' : this.#options.textOf(from, until)
    return new Fault(`no viable alternative at input ${quoted(text)}`, until)
  }

  #pieces(pieces: readonly Placed[]): void {
    for (let index = pieces.length - 1; index >= 0; index--) this.#then(() => this.#piece(pieces[index]!))
  }

  #piece(piece: Placed): void {
    const node = this.#node!
    const keep = (label: string | undefined, found: Token | Node): void => {
      if (label !== undefined) node.set(label, found)
    }
    this.#state = piece.at
    switch (piece.kind) {
      case 'token':
        keep(piece.label, this.#match(piece))
        return
      case 'rule':
        this.#rule(piece.rule, piece.precedence, (found) => keep(piece.label, found))
        return
      case 'optional':
        this.#sync(piece.at)
        if (this.#begins(piece.pieces)) this.#pieces(piece.pieces)
        return
      case 'choice':
        this.#sync(piece.at)
        this.#alternative(piece.alternatives[this.#choose(piece) - 1]!)
        return
      default:
        this.#sync(piece.at)
        if (piece.kind === 'some' || this.#goesOn(piece)) this.#round(piece)
    }
  }

  /** One round of a loop, and those behind it. */
  #round(loop: Loop): void {
    this.#then(() => {
      this.#sync(loop.back)
      if (this.#goesOn(loop)) this.#round(loop)
    })
    this.#pieces(loop.pieces)
  }

  #goesOn({ decision, predicted, pieces }: Loop): boolean {
    return predicted ? this.#predict(decision) === 1 : this.#begins(pieces)
  }

  #match({ at, types }: Placed & { readonly kind: 'token' }): Token {
    if (!types.has(this.#input.type(0))) return this.#recovery.inline(this.#place, at.steps[0]!.to)
    this.#recovery.matched()
    return this.#input.consume()
  }

  #choose({ at, predicted, alternatives }: Placed & { readonly kind: 'choice' }): number {
    if (predicted) return this.#predict(at)
    const chosen = alternatives.findIndex(({ pieces }) => this.#begins(pieces)) + 1
    if (chosen === 0) throw this.#noViable(this.#input.token(0))
    return chosen
  }

  #begins(pieces: readonly Placed[]): boolean {
    return nextWithin(pieces[0]!.at).has(this.#input.type(0))
  }
}

type Loop = Placed & { readonly kind: 'many' | 'some' }
