import { type Alternative, type Piece, RULES, type Rule, type RuleName } from './grammar.ts'
import { type Type, typeOf } from './tokens.ts'

/** Where a reader of the grammar may stand. */
export interface State {
  readonly id: number
  readonly rule: RuleName
  /** `choice`: something is decided in front of a block or a loop; `back`: behind one more round of a loop; `stop`: the end of the rule. */
  readonly kind: 'plain' | 'choice' | 'back' | 'stop'
  /** Ways on, in the order in which the grammar has them; from the end of a rule, to wherever somebody may have come from. */
  readonly steps: Step[]
  /** Of the decision whether a rule that begins with itself goes on: the end of one round. */
  readonly endOfRound?: State
}

export type Step =
  | { readonly kind: 'empty'; readonly to: State; readonly outermost?: RuleName | undefined }
  | { readonly kind: 'token'; readonly to: State; readonly types: ReadonlySet<Type> }
  | { readonly kind: 'rule'; readonly to: State; readonly follow: State; readonly precedence: number }
  | { readonly kind: 'level'; readonly to: State; readonly level: number }

/** A piece of the grammar in its place. */
export type Placed =
  | { readonly kind: 'token'; readonly at: State; readonly types: ReadonlySet<Type>; readonly label: string | undefined }
  | { readonly kind: 'rule'; readonly at: State; readonly rule: RuleName; readonly precedence: number; readonly label: string | undefined }
  | { readonly kind: 'optional'; readonly at: State; readonly pieces: readonly Placed[] }
  | { readonly kind: 'many' | 'some'; readonly at: State; readonly back: State; readonly decision: State; readonly predicted: boolean; readonly pieces: readonly Placed[] }
  | { readonly kind: 'choice'; readonly at: State; readonly predicted: boolean; readonly alternatives: readonly PlacedAlternative[] } // biome-ignore format: a table

export interface PlacedAlternative {
  readonly name: string
  readonly at: State
  readonly pieces: readonly Placed[]
}

export interface PlacedRule {
  readonly name: string
  readonly start: State
  readonly pieces: readonly Placed[]
  readonly goesOn:
    | { readonly at: State; readonly back: State; readonly block: State; readonly alternatives: readonly PlacedAlternative[] }
    | undefined
}

export type Network = ReadonlyMap<RuleName, PlacedRule>

let network: Network | undefined

/** All rules of the grammar, laid out once somebody asks. */
export const loadedNetwork = (): Network => (network ??= new Layout().lay())

class Layout {
  #count = 0
  #rule!: RuleName
  readonly #starts = new Map<RuleName, State>()
  readonly #stops = new Map<RuleName, State>()

  lay(): Network {
    const names = Object.keys(RULES) as RuleName[]
    for (const name of names) {
      this.#rule = name
      this.#starts.set(name, this.#state())
      this.#stops.set(name, this.#state('stop'))
    }
    return new Map(
      names.map((name) => {
        this.#rule = name
        return [name, this.#ruleOf(RULES[name])]
      }),
    )
  }

  #state(kind: State['kind'] = 'plain', endOfRound?: State): State {
    return { id: this.#count++, rule: this.#rule, kind, steps: [], ...(endOfRound && { endOfRound }) }
  }

  #ruleOf({ name, pieces, goesOn }: Rule): PlacedRule {
    const [start, stop] = [this.#starts.get(this.#rule)!, this.#stops.get(this.#rule)!]
    if (goesOn.length === 0) {
      const [at, placed] = this.#pieces(pieces, stop)
      join(start, at)
      return { name, start, pieces: placed, goesOn: undefined }
    }
    const [end, block, back] = [this.#state(), this.#state('choice'), this.#state('back')]
    const at = this.#state('choice', end)
    const alternatives = goesOn.map((each) => this.#alternative(each, end))
    for (const alternative of alternatives) join(block, alternative.at)
    join(end, back)
    join(back, at)
    join(at, block)
    join(at, this.#leaving(stop))
    const [first, placed] = this.#pieces(pieces, at)
    join(start, first)
    return { name, start, pieces: placed, goesOn: { at, back, block, alternatives } }
  }

  #alternative({ name, pieces, level }: Alternative, next: State): PlacedAlternative {
    const [at, placed] = this.#pieces(pieces, next)
    if (level === undefined) return { name, at, pieces: placed }
    const guarded = this.#state()
    guarded.steps.push({ kind: 'level', to: at, level })
    return { name, at: guarded, pieces: placed }
  }

  /** The end of a loop. */
  #leaving(next: State): State {
    const state = this.#state()
    join(state, next)
    return state
  }

  /** From the last to the first, for each leads to the one behind it. */
  #pieces(pieces: readonly Piece[], next: State): [State, Placed[]] {
    const placed: Placed[] = []
    let at = next
    for (const piece of pieces.toReversed()) {
      const each = this.#piece(piece, at)
      placed.unshift(each)
      at = each.at
    }
    return [at, placed]
  }

  #piece(piece: Piece, next: State): Placed {
    switch (piece.kind) {
      case 'token': {
        const [at, types] = [this.#state(), new Set(piece.names.map(typeOf))]
        at.steps.push({ kind: 'token', to: next, types })
        return { kind: 'token', at, types, label: piece.label }
      }
      case 'rule': {
        const { rule, precedence, label } = piece
        const at = this.#state()
        at.steps.push({ kind: 'rule', to: this.#starts.get(rule)!, follow: next, precedence })
        // Who does not know where a rule was begun goes on wherever it may have been.
        const outermost = RULES[rule].goesOn.length > 0 && precedence === 0 ? rule : undefined
        this.#stops.get(rule)!.steps.push({ kind: 'empty', to: next, outermost })
        return { kind: 'rule', at, rule, precedence, label }
      }
      case 'choice': {
        const [at, end] = [this.#state('choice'), this.#leaving(next)]
        const alternatives = piece.alternatives.map((each) => this.#alternative(each, end))
        for (const alternative of alternatives) join(at, alternative.at)
        return { kind: 'choice', at, predicted: piece.predicted, alternatives }
      }
      case 'optional': {
        const [at, end] = [this.#state('choice'), this.#leaving(next)]
        const [first, pieces] = this.#pieces(piece.pieces, end)
        join(at, first)
        join(at, end)
        return { kind: 'optional', at, pieces }
      }
      default:
        return this.#loop(piece, next)
    }
  }

  #loop({ kind, predicted, pieces }: Piece & { readonly kind: 'many' | 'some' }, next: State): Placed {
    const [block, back] = [this.#state('choice'), this.#state('back')]
    const [first, placed] = this.#pieces(pieces, this.#leaving(back))
    join(block, first)
    const at = kind === 'some' ? block : this.#state('choice')
    const decision = kind === 'some' ? back : at
    if (kind === 'many') join(back, at)
    join(decision, block)
    join(decision, this.#leaving(next))
    return { kind, at, back, decision, predicted, pieces: placed }
  }
}

const join = (from: State, to: State): void => void from.steps.push({ kind: 'empty', to })
