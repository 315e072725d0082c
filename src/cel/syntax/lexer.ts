import type { Issue, Source } from './source.ts'

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
export function tokenize(source: Source): { tokens: Token[]; issues: Issue[] } {
  const { text } = source
  const tokens: Token[] = []
  const issues: Issue[] = []
  let at = skip(SPACE, text, 0)
  while (at < text.length && issues.length < ISSUES_MAX) {
    const token = next(text, at)
    const bad = token === undefined ? badText(text, at) : ''
    if (token === undefined) issues.push(source.issue(at, `Syntax error: token recognition error at: '${escapeShown(bad)}'`))
    else tokens.push(token)
    at = skip(SPACE, text, at + (token?.text ?? bad).length)
  }
  tokens.push({ kind: 'end', text: '<EOF>', start: text.length })
  return { tokens, issues }
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

/** Where the string literal at `at` ends, or undefined when none starts there or what starts is none. */
function stringEnd(text: string, at: number): number | undefined {
  const scanned = scanString(text, at)
  return scanned?.isWhole ? scanned.end : undefined
}

/** The string literal at `at` as far as it is one; undefined when none starts there. */
function scanString(text: string, at: number): { readonly end: number; readonly isWhole: boolean } | undefined {
  const prefix = match(PREFIX, text, at, true)
  if (prefix === undefined) return undefined
  const raw = /[rR]/.test(prefix)
  let position = at + prefix.length
  const quote = text[position]!
  const triple = text.startsWith(quote.repeat(3), position)
  const end = triple ? quote.repeat(3) : quote
  position += end.length
  while (position < text.length) {
    if (text.startsWith(end, position)) return { end: position + end.length, isWhole: true }
    const unit = text[position]!
    if (!triple && (unit === '\n' || unit === '\r')) return { end: position + 1, isWhole: false }
    const piece = unit === '\\' && !raw ? match(ESCAPE, text, position) : unit
    if (piece === undefined) return { end: Math.min(text.length, position + 2), isWhole: false }
    position += piece.length
  }
  return { end: text.length, isWhole: false }
}

/** What cannot begin a token: the start of a string that is none, or one code point. */
function badText(text: string, at: number): string {
  return text.slice(at, scanString(text, at)?.end ?? at + (text.codePointAt(at)! > 0xffff ? 2 : 1))
}

function match(pattern: RegExp, text: string, at: number, allowEmpty = false): string | undefined {
  pattern.lastIndex = at
  const found = pattern.exec(text)?.[0]
  return found === undefined || (found === '' && !allowEmpty) ? undefined : found
}

function skip(pattern: RegExp, text: string, at: number): number {
  return at + (match(pattern, text, at)?.length ?? 0)
}

const escapeShown = (text: string): string => text.replace('\n', '\\n').replace('\r', '\\r').replace('\t', '\\t')
