import { CODES, Cursor, isBlank, isBlankOrEnd, isBreak, isBreakOrEnd, isWord, type Mark } from './cursor.ts'
import { scanBlock, scannerError, scanPlain, scanQuoted } from './scalars.ts'
import type { Source } from './source.ts'
import { scanDirective, scanTag } from './tags.ts'

export type TokenType =
  | 'alias'
  | 'anchor'
  | 'block end'
  | 'block entry'
  | 'block mapping'
  | 'block sequence'
  | 'document end'
  | 'document start'
  | 'flow entry'
  | 'flow mapping'
  | 'flow mapping end'
  | 'flow sequence'
  | 'flow sequence end'
  | 'key'
  | 'scalar'
  | 'stream end'
  | 'tag'
  | 'tag directive'
  | 'value'
  | 'version directive'

export interface Token {
  readonly type: TokenType
  /** Where it begins, from 0. */
  readonly line: number
  /** A scalar's text, an anchor's name, a tag's handle, the version. */
  readonly value: string
  /** What a tag's handle is followed by, or stands for. */
  readonly suffix?: string
  readonly isPlain: boolean
}

/** What may turn out to be a key, once a colon is found behind it. */
interface SimpleKey extends Mark {
  /** Where nothing but a key can stand. */
  readonly isRequired: boolean
  /** Its place among all tokens. */
  readonly number: number
}

/** Longer keys need a question mark. */
const KEY_CHARACTERS_MAX = 1024

/** The tokens of YAML 1.1, read no further than whoever asks for them needs: what is wrong behind is not found. */
export class Scanner {
  readonly #cursor: Cursor
  readonly #queue: Token[] = []
  /** How many tokens were taken. */
  #taken = 0
  #indent = -1
  readonly #indents: number[] = []
  #flowLevel = 0
  #mayBeKey = true
  /** One for each level of flow, the block around it first. */
  readonly #keys: (SimpleKey | undefined)[] = [undefined]
  /** Levels of keys by their numbers. */
  readonly #levels = new Map<number, number>()
  /** The number of the last key of each level, or else of what opened it. */
  readonly #numbers: number[] = [0]

  constructor(source: Source) {
    this.#cursor = new Cursor(source)
  }

  peek(): Token {
    while (this.#queue.length === 0 || this.#mayGetKey()) this.#fetch()
    return this.#queue[0]!
  }

  skip(): void {
    this.#queue.shift()
    this.#taken++
  }

  /** Whether the token that comes next may have a key's mark put before it. */
  #mayGetKey(): boolean {
    const level = this.#levels.get(this.#taken)
    return level !== undefined && this.#validKey(level) !== undefined
  }

  #validKey(level: number): SimpleKey | undefined {
    const key = this.#keys[level]
    if (key === undefined) return undefined
    const { line, index } = this.#cursor
    if (key.line === line && key.index + KEY_CHARACTERS_MAX >= index) return key
    this.#dropKey(level)
    return undefined
  }

  #dropKey(level = this.#keys.length - 1): void {
    if (this.#keys[level]?.isRequired === true) throw scannerError(this.#cursor, "could not find expected ':'")
    this.#forgetKey(level)
  }

  #forgetKey(level: number): void {
    const key = this.#keys[level]
    if (key === undefined) return
    this.#levels.delete(key.number)
    this.#keys[level] = undefined
  }

  #saveKey(): void {
    if (!this.#mayBeKey) return
    this.#dropKey()
    const level = this.#keys.length - 1
    const number = this.#next
    const isRequired = this.#flowLevel === 0 && this.#indent === this.#cursor.column
    const { line, column, index } = this.#cursor
    this.#keys[level] = { line, column, index, isRequired, number }
    this.#levels.set(number, level)
    this.#numbers[level] = number
  }

  /** The number that a token gets which is added now. */
  get #next(): number {
    return this.#taken + this.#queue.length
  }

  #add(type: TokenType, line: number, value = '', isPlain = false): void {
    this.#queue.push({ type, line, value, isPlain })
  }

  #addIndicator(type: TokenType): void {
    this.#add(type, this.#cursor.line)
    this.#cursor.skip()
  }

  /** Opens a block that is deeper than the one around, before the token of this number. */
  #openBlock(type: TokenType, { line, column }: Mark, number = this.#next): void {
    if (this.#flowLevel > 0 || this.#indent >= column) return
    this.#indents.push(this.#indent)
    this.#indent = column
    this.#insert(type, line, number)
  }

  /** Puts a token before the one of this number, or behind all where that was taken already. */
  #insert(type: TokenType, line: number, number: number): void {
    const at = number < this.#taken ? this.#queue.length : number - this.#taken
    this.#queue.splice(at, 0, { type, line, value: '', isPlain: false })
  }

  #closeBlocks(column: number): void {
    if (this.#flowLevel > 0) return
    while (this.#indent > column) {
      this.#add('block end', this.#cursor.line)
      this.#indent = this.#indents.pop()!
    }
  }

  #fetch(): void {
    const cursor = this.#cursor
    this.#skipToToken()
    this.#closeBlocks(cursor.column)
    const code = cursor.code()
    if (code === 0) this.#fetchEnd()
    else if (cursor.column === 0 && code === CODES.PERCENT) this.#fetchDirective()
    else if (cursor.isDocumentIndicator()) this.#fetchDocumentIndicator()
    else if (!this.#fetchIndicator(code) && !this.#fetchNode(code)) {
      const begins = !INDICATORS.has(code) || (code === CODES.DASH && !isBlank(cursor.code(1)))
      if (!begins && (this.#flowLevel > 0 || !MAY_BEGIN.has(code)))
        throw scannerError(cursor, 'found character that cannot start any token')
      this.#fetchPlain()
    }
  }

  /** Whether a list, a map or a part of one began or ended here. */
  #fetchIndicator(code: number): boolean {
    const mayStand = this.#flowLevel > 0 || isBlankOrEnd(this.#cursor.code(1))
    if (code === CODES.OPEN_BRACKET) this.#openFlow('flow sequence')
    else if (code === CODES.OPEN_BRACE) this.#openFlow('flow mapping')
    else if (code === CODES.CLOSE_BRACKET) this.#closeFlow('flow sequence end')
    else if (code === CODES.CLOSE_BRACE) this.#closeFlow('flow mapping end')
    else if (code === CODES.COMMA) this.#fetchFlowEntry()
    else if (code === CODES.DASH && isBlankOrEnd(this.#cursor.code(1))) this.#fetchBlockEntry()
    else if (code === CODES.QUESTION && mayStand) this.#fetchKey()
    else if (code === CODES.COLON && mayStand) this.#fetchValue()
    else return false
    return true
  }

  /** Whether an alias, a scalar or what is said of one before it was here. */
  #fetchNode(code: number): boolean {
    if (code === CODES.STAR || code === CODES.AMPERSAND) this.#fetchAnchor()
    else if (code === CODES.BANG) this.#fetchTag()
    else if ((code === CODES.PIPE || code === CODES.GREATER) && this.#flowLevel === 0) this.#fetchBlockScalar()
    else if (code === CODES.APOSTROPHE || code === CODES.QUOTE) this.#fetchQuoted()
    else return false
    return true
  }

  /** Tabs may stand where no key can. */
  #skipToToken(): void {
    const cursor = this.#cursor
    for (;;) {
      const takesTabs = this.#flowLevel > 0 || !this.#mayBeKey
      cursor.skipWhile((code) => code === CODES.SPACE || (takesTabs && code === CODES.TAB))
      if (cursor.code() === CODES.HASH) cursor.skipWhile((code) => !isBreakOrEnd(code))
      if (!isBreak(cursor.code())) return
      cursor.takeBreak()
      if (this.#flowLevel === 0) this.#mayBeKey = true
    }
  }

  #fetchEnd(): void {
    const cursor = this.#cursor
    if (cursor.column !== 0) {
      cursor.column = 0
      cursor.line++
    }
    this.#closeBlocks(-1)
    this.#dropKey()
    this.#mayBeKey = false
    this.#add('stream end', cursor.line)
  }

  #fetchDirective(): void {
    this.#closeBlocks(-1)
    this.#dropKey()
    this.#mayBeKey = false
    this.#queue.push(scanDirective(this.#cursor))
  }

  #fetchDocumentIndicator(): void {
    this.#closeBlocks(-1)
    this.#dropKey()
    this.#mayBeKey = false
    this.#add(this.#cursor.code() === CODES.DASH ? 'document start' : 'document end', this.#cursor.line)
    this.#cursor.skipAll(3)
  }

  #openFlow(type: TokenType): void {
    this.#saveKey()
    this.#keys.push(undefined)
    this.#numbers.push(this.#next)
    this.#flowLevel++
    this.#mayBeKey = true
    this.#addIndicator(type)
  }

  #closeFlow(type: TokenType): void {
    this.#dropKey()
    if (this.#flowLevel > 0) {
      this.#flowLevel--
      this.#keys.pop()
      // So upstream: what opened a list that is empty is no more looked for as a key, `[]: a`.
      this.#levels.delete(this.#numbers.pop()!)
    }
    this.#mayBeKey = false
    this.#addIndicator(type)
  }

  #fetchFlowEntry(): void {
    this.#dropKey()
    this.#mayBeKey = true
    this.#addIndicator('flow entry')
  }

  /** In a block, whether something may begin here that opens one. */
  #checkBlock(what: string): void {
    if (!this.#mayBeKey) throw scannerError(this.#cursor, `${what} are not allowed in this context`)
  }

  #fetchBlockEntry(): void {
    if (this.#flowLevel === 0) {
      this.#checkBlock('block sequence entries')
      this.#openBlock('block sequence', this.#cursor)
    }
    this.#dropKey()
    this.#mayBeKey = true
    this.#addIndicator('block entry')
  }

  #fetchKey(): void {
    if (this.#flowLevel === 0) {
      this.#checkBlock('mapping keys')
      this.#openBlock('block mapping', this.#cursor)
    }
    this.#dropKey()
    this.#mayBeKey = this.#flowLevel === 0
    this.#addIndicator('key')
  }

  #fetchValue(): void {
    const level = this.#keys.length - 1
    const key = this.#validKey(level)
    if (key !== undefined) {
      this.#insert('key', key.line, key.number)
      this.#openBlock('block mapping', key, key.number)
      this.#forgetKey(level)
      this.#mayBeKey = false
    } else {
      if (this.#flowLevel === 0) {
        this.#checkBlock('mapping values')
        this.#openBlock('block mapping', this.#cursor)
      }
      this.#mayBeKey = this.#flowLevel === 0
    }
    this.#addIndicator('value')
  }

  #fetchAnchor(): void {
    this.#saveKey()
    this.#mayBeKey = false
    const cursor = this.#cursor
    const { line } = cursor
    const type = cursor.code() === CODES.STAR ? 'alias' : 'anchor'
    cursor.skip()
    const start = cursor.at
    cursor.skipWhile(isWord)
    const value = cursor.since(start)
    if (value === '' || !(isBlankOrEnd(cursor.code()) || BEHIND_ANCHOR.has(cursor.code())))
      throw scannerError(cursor, 'did not find expected alphabetic or numeric character')
    this.#add(type, line, value)
  }

  #fetchTag(): void {
    this.#saveKey()
    this.#mayBeKey = false
    this.#queue.push(scanTag(this.#cursor))
  }

  #fetchBlockScalar(): void {
    this.#dropKey()
    this.#mayBeKey = true
    const { line } = this.#cursor
    this.#add('scalar', line, scanBlock(this.#cursor, this.#indent))
  }

  #fetchQuoted(): void {
    this.#saveKey()
    this.#mayBeKey = false
    const { line } = this.#cursor
    this.#add('scalar', line, scanQuoted(this.#cursor))
  }

  #fetchPlain(): void {
    this.#saveKey()
    const { line } = this.#cursor
    const { value, endsWithBreak } = scanPlain(this.#cursor, this.#indent + 1, this.#flowLevel > 0)
    this.#add('scalar', line, value, true)
    this.#mayBeKey = endsWithBreak
  }
}

const codesOf = (characters: string): ReadonlySet<number> => new Set(Buffer.from(characters))

const INDICATORS = codesOf('-?:,[]{}#&*!|>\'"%@`\t')
/** What begins a scalar of a block where no blank is behind it. */
const MAY_BEGIN = codesOf('?:')
const BEHIND_ANCHOR = codesOf('?:,]}%@`')
