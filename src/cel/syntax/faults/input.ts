import type { Token } from '../lexer.ts'
import { EOF, type Type, typeOfToken } from './tokens.ts'

/** The tokens of a text, read one after the other; the last is its end. */
export class Input {
  readonly #tokens: readonly Token[]
  readonly #types: readonly Type[]
  #index = 0
  #furthest = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
    this.#types = tokens.map(typeOfToken)
  }

  get index(): number {
    return this.#index
  }

  /** The furthest token that was looked at. */
  get furthest(): Token {
    return this.#tokens[this.#furthest]!
  }

  get before(): Token | undefined {
    return this.#tokens[this.#index - 1]
  }

  token(offset: number): Token {
    return this.#tokens[this.#at(offset)]!
  }

  type(offset: number): Type {
    return this.#types[this.#at(offset)]!
  }

  consume(): Token {
    const token = this.token(0)
    if (this.type(0) !== EOF) this.#index++
    return token
  }

  #at(offset: number): number {
    const at = Math.min(this.#index + offset, this.#tokens.length - 1)
    if (at > this.#furthest) this.#furthest = at
    return at
  }
}
