import type { Stray } from './faults/index.ts'
import type { Source } from './source.ts'

export type TokenKind = 'identifier' | 'quoted' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'keyword' | 'symbol' | 'end'

export interface Token {
  readonly kind: TokenKind
  readonly text: string
  readonly start: number
}

const KEYWORDS: ReadonlySet<string> = new Set(['in', 'true', 'false', 'null'])

const SPACE = /(?:[ \t\r\n\f]+|\/\/[^\n]*)+/y
const NUMBER = /0x[0-9a-fA-F]+[uU]?|(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)|\d+[uU]?/y
const IDENTIFIER = /[A-Za-z_][A-Za-z0-9_]*/y
const QUOTED = /`[A-Za-z0-9_.\-/ ]+`/y
const PREFIX = /(?:[rR][bB]?|[bB][rR]?)?(?="|')/y
const SYMBOL = /==|!=|<=|>=|&&|\|\||[[\]{}(),.:?+\-*/%!<>]/y

/** As many as are shown. */
const ISSUES_MAX = 100

/** Splits the whole text; what is no token becomes an issue and is stepped over. */
export function tokenize(source: Source): { tokens: Token[]; strays: Stray[] } {
  const { text } = source
  const tokens: Token[] = []
  const strays: Stray[] = []
  let at = skip(SPACE, text, 0)
  while (at < text.length && strays.length < ISSUES_MAX) {
    const token = next(text, at)
    const bad = token === undefined ? badText(text, at) : ''
    if (token !== undefined) tokens.push(token)
    else {
      const issue = source.issue(at, `Syntax error: token recognition error at: '${bad}'`)
      strays.push({ start: at, end: at + bad.length, issue })
    }
    at = skip(SPACE, text, at + (token?.text ?? bad).length)
  }
  tokens.push({ kind: 'end', text: '<EOF>', start: text.length })
  return { tokens, strays }
}

function next(text: string, at: number): Token | undefined {
  const quoted = stringEnd(text, at)
  if (quoted !== undefined) {
    const literal = text.slice(at, quoted)
    const kind = /^[^"']*[bB]/.test(literal) ? 'bytes' : 'string'
    return { kind, text: literal, start: at }
  }
  const number = match(NUMBER, text, at)
  if (number !== undefined) return { kind: numberKind(number), text: number, start: at }
  const word = match(IDENTIFIER, text, at)
  if (word !== undefined) return { kind: KEYWORDS.has(word) ? 'keyword' : 'identifier', text: word, start: at }
  const escaped = match(QUOTED, text, at)
  if (escaped !== undefined) return { kind: 'quoted', text: escaped, start: at }
  const symbol = match(SYMBOL, text, at)
  return symbol === undefined ? undefined : { kind: 'symbol', text: symbol, start: at }
}

function numberKind(text: string): TokenKind {
  if (/[uU]$/.test(text)) return 'uint'
  return text.startsWith('0x') || /^\d+$/.test(text) ? 'int' : 'double'
}

const ESCAPE = /\\(?:[abfnrtv"'\\?`]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2})/y
/** As much of an escape as there is of one that is none. */
const BROKEN_ESCAPE = /\\(?:[xX][0-9a-fA-F]?|u[0-9a-fA-F]{0,3}|U[0-9a-fA-F]{0,7}|[0-3][0-7]?)?/y

/** Where the string literal at `at` ends, or undefined when none starts there or what starts is none. Of three quotes that nothing closes the first two are a whole text. */
function stringEnd(text: string, at: number): number | undefined {
  const scanned = scanString(text, at)
  return scanned?.isWhole ? scanned.end : scanned?.emptyEnd
}

interface Scanned {
  readonly end: number
  readonly isWhole: boolean
  readonly emptyEnd?: number
}

/** The string literal at `at` as far as it is one, with the character that makes it none; undefined when none starts there. */
function scanString(text: string, at: number): Scanned | undefined {
  const prefix = match(PREFIX, text, at, true)
  if (prefix === undefined) return undefined
  const raw = /[rR]/.test(prefix)
  let position = at + prefix.length
  const quote = text[position]!
  const triple = text.startsWith(quote.repeat(3), position)
  const emptyEnd = triple ? { emptyEnd: position + 2 } : undefined
  const end = triple ? quote.repeat(3) : quote
  position += end.length
  while (position < text.length) {
    if (text.startsWith(end, position)) return { end: position + end.length, isWhole: true }
    const unit = text[position]!
    if (!triple && (unit === '\n' || unit === '\r')) return { end: position + 1, isWhole: false }
    const piece = unit === '\\' && !raw ? match(ESCAPE, text, position) : unit
    if (piece === undefined) {
      const broken = position + match(BROKEN_ESCAPE, text, position)!.length
      return { end: endOfPoint(text, broken), isWhole: false, ...emptyEnd }
    }
    position += piece.length
  }
  return { end: text.length, isWhole: false, ...emptyEnd }
}

/** What begins a token that does not go on so. */
const BEGUN = /[=&|]|`[A-Za-z0-9_.\-/ ]*/y

/** What cannot begin a token: as far as it could have been one, and the character at which it could not. */
function badText(text: string, at: number): string {
  const end = scanString(text, at)?.end ?? endOfPoint(text, at + (match(BEGUN, text, at)?.length ?? 0))
  return text.slice(at, end)
}

const endOfPoint = (text: string, at: number): number =>
  Math.min(text.length, at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1))

function match(pattern: RegExp, text: string, at: number, allowEmpty = false): string | undefined {
  pattern.lastIndex = at
  const found = pattern.exec(text)?.[0]
  return found === undefined || (found === '' && !allowEmpty) ? undefined : found
}

function skip(pattern: RegExp, text: string, at: number): number {
  return at + (match(pattern, text, at)?.length ?? 0)
}
