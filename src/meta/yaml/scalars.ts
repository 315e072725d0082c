import { CODES, type Cursor, isBlank, isBlankOrEnd, isBreak, isBreakOrEnd, isDigit, YamlError } from './cursor.ts'

export const scannerError = (cursor: Cursor, problem: string): YamlError =>
  // Upstream counts lines from 0 here, and names none in the first.
  new YamlError(problem, cursor.line === 0 ? 0 : cursor.line + 1)

/** Blanks and breaks between two words of a scalar that is in no block: what they are in its text. */
class Gap {
  #blanks = ''
  #first: string | undefined
  #others = ''

  /** Behind a break that is escaped only breaks that follow are told. */
  constructor(isEscaped = false) {
    if (isEscaped) this.#first = ''
  }

  get hasBreak(): boolean {
    return this.#first !== undefined
  }

  addBlank(code: number): void {
    if (this.#first === undefined) this.#blanks += String.fromCharCode(code)
  }

  addBreak(lineBreak: string): void {
    if (this.#first === undefined) this.#first = lineBreak
    else this.#others += lineBreak
  }

  /** Lines are joined by a space, or by as many breaks as there are empty lines between. */
  folded(): string {
    if (this.#first === undefined) return this.#blanks
    return this.#first === '\n' ? this.#others || ' ' : this.#first + this.#others
  }
}

export interface PlainScalar {
  readonly value: string
  readonly endsWithBreak: boolean
}

/** A scalar without quotes that stands in a block of this indent, or in flow. */
export function scanPlain(cursor: Cursor, indent: number, inFlow: boolean): PlainScalar {
  let value = ''
  let gap: Gap | undefined
  while (!cursor.isDocumentIndicator() && cursor.code() !== CODES.HASH) {
    const start = cursor.at
    for (cursor.skipOrdinary(); !isBlankOrEnd(cursor.code()) && !endsPlain(cursor, inFlow); cursor.skipOrdinary()) cursor.skip()
    if (cursor.at > start) {
      value += (gap?.folded() ?? '') + cursor.since(start)
      gap = undefined
    }
    if (!isBlank(cursor.code()) && !isBreak(cursor.code())) break
    gap = takeGap(cursor, gap ?? new Gap(), indent)
    if (!inFlow && cursor.column < indent) break
  }
  return { value, endsWithBreak: gap?.hasBreak === true }
}

/** Goes past blanks and breaks, of which no tab may indent less than so much. */
function takeGap(cursor: Cursor, gap: Gap, indent: number): Gap {
  for (let code = cursor.code(); isBlank(code) || isBreak(code); code = cursor.code()) {
    if (isBreak(code)) gap.addBreak(cursor.takeBreak())
    else {
      if (gap.hasBreak && cursor.column < indent && code === CODES.TAB)
        throw scannerError(cursor, 'found a tab character that violates indentation')
      gap.addBlank(code)
      cursor.skip()
    }
  }
  return gap
}

function endsPlain(cursor: Cursor, inFlow: boolean): boolean {
  const code = cursor.code()
  if (code === CODES.COLON) return isBlankOrEnd(cursor.code(1))
  return inFlow && FLOW_ENDS.has(code)
}

const FLOW_ENDS: ReadonlySet<number> = new Set([
  CODES.COMMA,
  CODES.QUESTION,
  CODES.OPEN_BRACKET,
  CODES.CLOSE_BRACKET,
  CODES.OPEN_BRACE,
  CODES.CLOSE_BRACE,
])

/** A scalar in single or double quotes, the first of which is here. */
export function scanQuoted(cursor: Cursor): string {
  const quote = cursor.code()
  cursor.skip()
  let value = ''
  for (;;) {
    if (cursor.isDocumentIndicator()) throw scannerError(cursor, 'found unexpected document indicator')
    if (cursor.code() === 0) throw scannerError(cursor, 'found unexpected end of stream')
    const word = quote === CODES.APOSTROPHE ? takeSingle(cursor) : takeDouble(cursor)
    value += word.text
    if (cursor.code() === quote) break
    value += takeGap(cursor, new Gap(word.endsWithBreak), 0).folded()
  }
  cursor.skip()
  return value
}

interface Word {
  readonly text: string
  /** Whether a break is behind it that is escaped. */
  readonly endsWithBreak: boolean
}

function takeSingle(cursor: Cursor): Word {
  let text = ''
  let start = cursor.at
  for (; !isBlankOrEnd(cursor.code()); cursor.skip()) {
    if (cursor.code() !== CODES.APOSTROPHE) continue
    if (cursor.code(1) !== CODES.APOSTROPHE) break
    cursor.skip()
    text += cursor.since(start)
    start = cursor.at + 1
  }
  return { text: text + cursor.since(start), endsWithBreak: false }
}

function takeDouble(cursor: Cursor): Word {
  let text = ''
  let start = cursor.at
  for (cursor.skipOrdinary(); !isBlankOrEnd(cursor.code()) && cursor.code() !== CODES.QUOTE; cursor.skipOrdinary()) {
    if (cursor.code() !== CODES.BACKSLASH) {
      cursor.skip()
      continue
    }
    text += cursor.since(start)
    if (isBreak(cursor.code(1))) {
      cursor.skip()
      cursor.takeBreak()
      return { text, endsWithBreak: true }
    }
    text += takeEscape(cursor)
    start = cursor.at
  }
  return { text: text + cursor.since(start), endsWithBreak: false }
}

function takeEscape(cursor: Cursor): string {
  const name = String.fromCharCode(cursor.code(1))
  const named = ESCAPES.get(name)
  const length = CODE_LENGTHS.get(name)
  if (named === undefined && length === undefined) throw scannerError(cursor, 'found unknown escape character')
  cursor.skipAll(2)
  if (named !== undefined) return named
  let digits = ''
  for (let offset = 0; offset < length!; offset++) digits += String.fromCharCode(cursor.code(offset))
  if (!/^[\da-fA-F]+$/.test(digits)) throw scannerError(cursor, 'did not find expected hexdecimal number')
  const code = Number.parseInt(digits, 16)
  if ((code >= 0xd800 && code <= 0xdfff) || code > 0x10_ffff)
    throw scannerError(cursor, 'found invalid Unicode character escape code')
  cursor.skipAll(length!)
  return String.fromCodePoint(code)
}

const CODE_LENGTHS: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
])

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['0', '\0'],
  ['a', '\u0007'],
  ['b', '\b'],
  ['t', '\t'],
  ['\t', '\t'],
  ['n', '\n'],
  ['v', '\v'],
  ['f', '\f'],
  ['r', '\r'],
  ['e', '\u001b'],
  [' ', ' '],
  ['"', '"'],
  ["'", "'"],
  ['\\', '\\'],
  ['N', '\u0085'],
  ['_', '\u00a0'],
  ['L', '\u2028'],
  ['P', '\u2029'],
])

/** A literal or folded scalar in a block of this indent (-1 where there is none), whose indicator is here. */
export function scanBlock(cursor: Cursor, parentIndent: number): string {
  const isFolded = cursor.code() === CODES.GREATER
  cursor.skip()
  const { chomp, increment } = takeHeader(cursor)
  let indent = increment > 0 ? Math.max(parentIndent, 0) + increment : 0
  let value = ''
  let lineBreak = ''
  let follows = takeBreaks(cursor, indent)
  indent ||= Math.max(follows.deepest, parentIndent + 1, 1)
  let wasIndented = false
  while (cursor.column === indent && cursor.code() !== 0) {
    const isIndented = isBlank(cursor.code())
    const isJoined = isFolded && !wasIndented && !isIndented && lineBreak === '\n'
    value += (isJoined ? (follows.breaks === '' ? ' ' : '') : lineBreak) + follows.breaks
    wasIndented = isIndented
    const start = cursor.at
    cursor.skipWhile((code) => !isBreakOrEnd(code))
    value += cursor.since(start)
    lineBreak = isBreak(cursor.code()) ? cursor.takeBreak() : ''
    follows = takeBreaks(cursor, indent)
  }
  return value + (chomp === '-' ? '' : lineBreak) + (chomp === '+' ? follows.breaks : '')
}

interface Header {
  readonly chomp: '+' | '-' | undefined
  readonly increment: number
}

/** What stands behind the indicator in its line: how the end is cut, and the indent, in any order. */
function takeHeader(cursor: Cursor): Header {
  let chomp = takeChomp(cursor)
  let increment = 0
  if (isDigit(cursor.code())) {
    increment = cursor.code() - 0x30
    if (increment === 0) throw scannerError(cursor, 'found an indentation indicator equal to 0')
    cursor.skip()
    chomp ??= takeChomp(cursor)
  }
  cursor.skipWhile(isBlank)
  if (cursor.code() === CODES.HASH) cursor.skipWhile((code) => !isBreakOrEnd(code))
  if (!isBreakOrEnd(cursor.code())) throw scannerError(cursor, 'did not find expected comment or line break')
  if (cursor.code() !== 0) cursor.takeBreak()
  return { chomp, increment }
}

function takeChomp(cursor: Cursor): '+' | '-' | undefined {
  const code = cursor.code()
  if (code !== CODES.PLUS && code !== CODES.DASH) return undefined
  cursor.skip()
  return code === CODES.PLUS ? '+' : '-'
}

interface Breaks {
  readonly breaks: string
  /** The most spaces that an empty line or the one that follows begins with. */
  readonly deepest: number
}

/** Goes past empty lines and the indent of the line that follows, which is not known where it is 0. */
function takeBreaks(cursor: Cursor, indent: number): Breaks {
  let breaks = ''
  let deepest = 0
  for (;;) {
    while ((indent === 0 || cursor.column < indent) && cursor.code() === CODES.SPACE) cursor.skip()
    deepest = Math.max(deepest, cursor.column)
    if ((indent === 0 || cursor.column < indent) && cursor.code() === CODES.TAB)
      throw scannerError(cursor, 'found a tab character where an indentation space is expected')
    if (!isBreak(cursor.code())) return { breaks, deepest }
    breaks += cursor.takeBreak()
  }
}
