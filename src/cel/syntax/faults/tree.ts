import type { Token } from '../lexer.ts'
import type { RuleName } from './grammar.ts'
import type { State } from './network.ts'

/** What a rule has read: whole, or as far as it got. */
export class Node {
  readonly rule: RuleName
  readonly parent: Node | undefined
  /** Where the parent read this. */
  readonly from: State | undefined
  readonly start: Token
  /** The alternative that was read; the rule's own name as long as there is none. */
  name: string
  readonly children: Node[] = []
  // Most nodes hold one thing.
  #labels: Map<string, Token | Node> | undefined
  #lists: Map<string, (Token | Node)[]> | undefined

  constructor(rule: RuleName, parent: Node | undefined, from: State | undefined, start: Token) {
    this.rule = rule
    this.name = rule
    this.parent = parent
    this.from = from
    this.start = start
  }

  set(label: string, found: Token | Node): void {
    if (!label.endsWith('+')) (this.#labels ??= new Map()).set(label, found)
    else {
      const name = label.slice(0, -1)
      const lists = (this.#lists ??= new Map())
      const list = lists.get(name)
      if (list === undefined) lists.set(name, [found])
      else list.push(found)
    }
  }

  token(label: string): Token | undefined {
    return this.#labels?.get(label) as Token | undefined
  }

  node(label: string): Node | undefined {
    return this.#labels?.get(label) as Node | undefined
  }

  tokens(label: string): readonly Token[] {
    return (this.#lists?.get(label) ?? []) as Token[]
  }

  nodes(label: string): readonly Node[] {
    return (this.#lists?.get(label) ?? []) as Node[]
  }

  child(rule: RuleName, index = 0): Node | undefined {
    let left = index
    for (const child of this.children) if (child.rule === rule && left-- === 0) return child
    return undefined
  }
}
