import type { Source } from './source.ts'

/** What upstream's YAML library says of a text that it can't read: `yaml: line 3: did not find expected key`. */
export class YamlError extends Error {
  constructor(problem: string, line = 0) {
    super(`yaml: ${line > 0 ? `line ${line}: ` : ''}${problem}`)
  }
}

/** A place in a text. Lines and columns are counted from 0, columns and characters as Unicode has them. */
export interface Mark {
  readonly line: number
  readonly column: number
  readonly index: number
}

/** Walks over a text. Behind its end stands the code 0, which no text has. */
export class Cursor {
  readonly #text: string
  readonly #problem: string | undefined
  #at = 0
  line = 0
  column = 0
  index = 0

  constructor({ text, problem }: Source) {
    this.#text = text
    this.#problem = problem
    if (text.startsWith(BOM)) this.#at = 1
  }

  /** The code unit here, or so many behind. Throws where the text can't be read any further. */
  code(offset = 0): number {
    const at = this.#at + offset
    if (at < this.#text.length) return this.#text.charCodeAt(at)
    if (this.#problem !== undefined) throw new YamlError(this.#problem)
    return 0
  }

  /** The text between a place before and here. */
  since(start: number): string {
    return this.#text.slice(start, this.#at)
  }

  get at(): number {
    return this.#at
  }

  skip(): void {
    this.#at += isHighSurrogate(this.#text.charCodeAt(this.#at)) ? 2 : 1
    this.column++
    this.index++
  }

  /** Goes past letters of ASCII, digits and some signs that mean nothing anywhere in a scalar. */
  skipOrdinary(): void {
    const start = this.#at
    while (isOrdinary(this.#text.charCodeAt(this.#at))) this.#at++
    this.column += this.#at - start
    this.index += this.#at - start
  }

  skipAll(count: number): void {
    for (let skipped = 0; skipped < count; skipped++) this.skip()
  }

  skipWhile(holds: (code: number) => boolean): void {
    while (holds(this.code())) this.skip()
  }

  /** Goes past a line break, and answers what it means in a text. */
  takeBreak(): string {
    const code = this.code()
    const isPair = code === CODES.CR && this.code(1) === CODES.LF
    this.#at += isPair ? 2 : 1
    this.index++
    this.line++
    this.column = 0
    return code === 0x2028 || code === 0x2029 ? String.fromCharCode(code) : '\n'
  }

  /** Whether a line begins here that parts documents. */
  isDocumentIndicator(): boolean {
    if (this.column !== 0) return false
    const code = this.code()
    return (
      (code === CODES.DASH || code === CODES.DOT) && this.code(1) === code && this.code(2) === code && isBlankOrEnd(this.code(3))
    )
  }
}

const isOrdinary = (code: number): boolean =>
  (code >= 0x61 && code <= 0x7a) || (code >= 0x2d && code <= 0x39) || (code >= 0x41 && code <= 0x5a)

const BOM = '\ufeff'
const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code < 0xdc00

export const CODES = {
  TAB: 0x09,
  LF: 0x0a,
  CR: 0x0d,
  SPACE: 0x20,
  BANG: 0x21,
  QUOTE: 0x22,
  HASH: 0x23,
  PERCENT: 0x25,
  AMPERSAND: 0x26,
  APOSTROPHE: 0x27,
  STAR: 0x2a,
  PLUS: 0x2b,
  COMMA: 0x2c,
  DASH: 0x2d,
  DOT: 0x2e,
  COLON: 0x3a,
  LESS: 0x3c,
  GREATER: 0x3e,
  QUESTION: 0x3f,
  OPEN_BRACKET: 0x5b,
  BACKSLASH: 0x5c,
  CLOSE_BRACKET: 0x5d,
  OPEN_BRACE: 0x7b,
  PIPE: 0x7c,
  CLOSE_BRACE: 0x7d,
} as const

export const isBreak = (code: number): boolean =>
  code === CODES.LF || code === CODES.CR || code === 0x85 || code === 0x2028 || code === 0x2029

export const isBlank = (code: number): boolean => code === CODES.SPACE || code === CODES.TAB

export const isBreakOrEnd = (code: number): boolean => code === 0 || isBreak(code)

export const isBlankOrEnd = (code: number): boolean => isBlank(code) || isBreakOrEnd(code)

export const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39

/** What names of anchors and handles of tags are made of. */
export const isWord = (code: number): boolean =>
  isDigit(code) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || code === 0x5f || code === CODES.DASH
