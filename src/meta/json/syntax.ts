import { goQuote } from '#base'

/** What Go's decoder says of bytes that are no JSON; undefined when they are. Of a character past ASCII it shows the first byte. */
export function jsonProblem(bytes: Uint8Array): string | undefined {
  try {
    new Scanner(Buffer.from(bytes).toString('latin1')).scan()
    return undefined
  } catch (error) {
    if (error instanceof JsonProblem) return error.message
    throw error
  }
}

class JsonProblem extends Error {}

/** How deep Go's decoder goes. */
const DEPTH_MAX = 10_000
const SPACE = /[ \t\r\n]/
const DIGIT = /[0-9]/
const ESCAPED = /["\\/bfnrt]/
const HEX = /[0-9a-fA-F]/

/** Reads a text of one character for each byte. */
class Scanner {
  readonly #text: string
  /** For each object or list that is open, what closes it. */
  readonly #open: ('}' | ']')[] = []
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** Lists and objects are a loop here, for they may be nested deeper than calls may. */
  scan(): void {
    while (this.#opens() || this.#goesOn());
    this.#space()
    if (this.#at < this.#text.length) this.#fail('after top-level value')
  }

  /** Whether an object or a list has begun, whose first value follows; otherwise a value has ended. */
  #opens(): boolean {
    this.#space()
    const character = this.#text[this.#at]
    if (character !== '{' && character !== '[') return this.#literal()
    this.#at++
    const end = character === '{' ? '}' : ']'
    this.#space()
    if (this.#text[this.#at] === end) {
      this.#at++
      return false
    }
    if (this.#open.push(end) > DEPTH_MAX) throw new JsonProblem('exceeded max depth')
    if (end === '}') this.#key()
    return true
  }

  /** Whether another value follows one that has ended, and perhaps what held it. */
  #goesOn(): boolean {
    for (let end = this.#open.at(-1); end !== undefined; end = this.#open.at(-1)) {
      this.#space()
      const character = this.#text[this.#at]
      if (character !== end && character !== ',') this.#fail(end === '}' ? 'after object key:value pair' : 'after array element')
      this.#at++
      if (character === ',') {
        this.#space()
        if (end === '}') this.#key()
        return true
      }
      this.#open.pop()
    }
    return false
  }

  #key(): void {
    if (this.#text[this.#at] !== '"') this.#fail('looking for beginning of object key string')
    this.#string()
    this.#space()
    if (this.#text[this.#at] !== ':') this.#fail('after object key')
    this.#at++
  }

  #literal(): false {
    const character = this.#text[this.#at] ?? ''
    if (character === '"') this.#string()
    else if (character === '-' || DIGIT.test(character)) this.#number()
    else if (character === 't') this.#word('true')
    else if (character === 'f') this.#word('false')
    else if (character === 'n') this.#word('null')
    else this.#fail('looking for beginning of value')
    return false
  }

  #string(): void {
    for (this.#at++; this.#text[this.#at] !== '"'; this.#at++) {
      if ((this.#text[this.#at] ?? '') < ' ') this.#fail('in string literal')
      if (this.#text[this.#at] !== '\\') continue
      this.#at++
      if (this.#text[this.#at] === 'u') this.#hexadecimal()
      else this.#expect(ESCAPED, 'in string escape code')
    }
    this.#at++
  }

  #hexadecimal(): void {
    for (let digit = 0; digit < 4; digit++) {
      this.#at++
      this.#expect(HEX, String.raw`in \u hexadecimal character escape`)
    }
  }

  #number(): void {
    if (this.#text[this.#at] === '-') this.#at++
    this.#expect(DIGIT, 'in numeric literal')
    if (this.#text[this.#at] === '0') this.#at++
    else this.#digits()
    if (this.#text[this.#at] === '.') {
      this.#at++
      this.#expect(DIGIT, 'after decimal point in numeric literal')
      this.#digits()
    }
    if (this.#text[this.#at] !== 'e' && this.#text[this.#at] !== 'E') return
    this.#at++
    if (this.#text[this.#at] === '+' || this.#text[this.#at] === '-') this.#at++
    this.#expect(DIGIT, 'in exponent of numeric literal')
    this.#digits()
  }

  #digits(): void {
    while (DIGIT.test(this.#text[this.#at] ?? '')) this.#at++
  }

  #word(word: string): void {
    for (const letter of word) {
      if (this.#text[this.#at] !== letter) this.#fail(`in literal ${word} (expecting '${letter}')`)
      this.#at++
    }
  }

  #expect(pattern: RegExp, where: string): void {
    if (!pattern.test(this.#text[this.#at] ?? '')) this.#fail(where)
  }

  #space(): void {
    while (SPACE.test(this.#text[this.#at] ?? '')) this.#at++
  }

  #fail(where: string): never {
    const byte = this.#text[this.#at]
    throw new JsonProblem(byte === undefined ? 'unexpected end of JSON input' : `invalid character ${quoteByte(byte)} ${where}`)
  }
}

function quoteByte(byte: string): string {
  if (byte === "'") return String.raw`'\''`
  return byte === '"' ? `'"'` : `'${goQuote(byte).slice(1, -1)}'`
}
