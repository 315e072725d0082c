import { exactInteger, setOwn } from '#base'

/** A key of an object with its value, and the text of a number that is no plain integer. */
export type Entry = readonly [key: string, value: unknown, literal?: string]

/** What a text says that plain data does not show: keys that stand twice, their order, and how numbers are written. */
export class Oddities {
  readonly #entries = new WeakMap<object, readonly Entry[]>()
  readonly #literals = new WeakMap<readonly unknown[], ReadonlyMap<number, string>>()

  noteObject(object: object, entries: readonly Entry[]): void {
    this.#entries.set(object, entries)
  }

  noteList(list: readonly unknown[], literals: ReadonlyMap<number, string>): void {
    this.#literals.set(list, literals)
  }

  /** What an object holds as it stands in the text. */
  entriesOf(object: object): readonly Entry[] {
    return this.#entries.get(object) ?? Object.entries(object)
  }

  /** The text of a number in a list, where it is no plain integer. */
  literalOf(list: readonly unknown[], index: number): string | undefined {
    return this.#literals.get(list)?.get(index)
  }
}

export interface ReadJson {
  readonly value: unknown
  readonly oddities: Oddities
}

/** Reads JSON that is known to be valid, character by character: for the few texts of which plain data does not tell all. Of a key that stands twice the last value counts. */
export function readJson(text: string): ReadJson {
  const reader = new Reader(text)
  return { value: reader.value(), oddities: reader.oddities }
}

const PLAIN_INTEGER = /^-?\d{1,15}$/
const INDEX = /^\d/

class Reader {
  readonly oddities = new Oddities()
  readonly #text: string
  #at = 0
  /** Of the value that was read last, when it is a number that is no plain integer. */
  #literal: string | undefined

  constructor(text: string) {
    this.#text = text
  }

  value(): unknown {
    this.#space()
    this.#literal = undefined
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object()
      case '[':
        return this.#array()
      case '"':
        return this.#string()
      case 't':
        return this.#word(4, true)
      case 'f':
        return this.#word(5, false)
      case 'n':
        return this.#word(4, null)
      default:
        return this.#number()
    }
  }

  #object(): Record<string, unknown> {
    const result: Record<string, unknown> = {}
    const entries: Entry[] = []
    let isOdd = false
    this.#at++
    for (this.#space(); this.#text[this.#at] !== '}'; this.#space()) {
      const key = this.#string()
      this.#space()
      this.#at++
      const value = this.value()
      const literal = this.#literal
      // Plain data has keys that look like indices first.
      isOdd ||= literal !== undefined || INDEX.test(key) || Object.hasOwn(result, key)
      setOwn(result, key, value)
      entries.push(literal === undefined ? [key, value] : [key, value, literal])
      this.#space()
      if (this.#text[this.#at] === ',') this.#at++
    }
    this.#at++
    this.#literal = undefined
    if (isOdd) this.oddities.noteObject(result, entries)
    return result
  }

  #array(): unknown[] {
    const result: unknown[] = []
    let literals: Map<number, string> | undefined
    this.#at++
    for (this.#space(); this.#text[this.#at] !== ']'; this.#space()) {
      const value = this.value()
      if (this.#literal !== undefined) (literals ??= new Map()).set(result.length, this.#literal)
      result.push(value)
      this.#space()
      if (this.#text[this.#at] === ',') this.#at++
    }
    this.#at++
    this.#literal = undefined
    if (literals !== undefined) this.oddities.noteList(result, literals)
    return result
  }

  #string(): string {
    const start = this.#at + 1
    let end = start
    let isEscaped = false
    while (this.#text[end] !== '"') {
      if (this.#text[end] === '\\') {
        isEscaped = true
        end++
      }
      end++
    }
    this.#at = end + 1
    const raw = this.#text.slice(start, end)
    // Half of a surrogate pair stands for no character: it is replaced, as by Go.
    return isEscaped ? (JSON.parse(`"${raw}"`) as string).toWellFormed() : raw
  }

  #number(): number | bigint {
    const start = this.#at
    while (this.#at < this.#text.length && '+-.0123456789eE'.includes(this.#text[this.#at]!)) this.#at++
    const digits = this.#text.slice(start, this.#at)
    if (PLAIN_INTEGER.test(digits)) return Number(digits)
    const exact = exactInteger(digits)
    if (exact === undefined) this.#literal = digits
    return exact ?? Number(digits)
  }

  #word<T>(length: number, value: T): T {
    this.#at += length
    return value
  }

  #space(): void {
    while (' \n\r\t'.includes(this.#text[this.#at] ?? '_')) this.#at++
  }
}
