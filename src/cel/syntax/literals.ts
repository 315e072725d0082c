import { Double, Uint } from '../values/number.ts'

const INT_MAX = (1n << 63n) - 1n
const INT_MIN = -(1n << 63n)
const UINT_MAX = (1n << 64n) - 1n

const SIMPLE: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '?': '?',
  '"': '"',
  "'": "'",
  '`': '`',
}
const DIGITS: Readonly<Record<string, number>> = { x: 2, X: 2, u: 4, U: 8 }

/** A literal that is no value; the parser adds the place. */
export class LiteralError extends Error {
  override readonly name = 'LiteralError'
}

/** An int literal, decimal or `0x…`, with its sign. */
export function parseInt64(text: string, negative: boolean): number | bigint {
  const value = negative ? -BigInt(text) : BigInt(text)
  if (value > INT_MAX || value < INT_MIN) throw new LiteralError('invalid int literal')
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}

export function parseUint64(text: string): Uint {
  const value = BigInt(text.slice(0, -1))
  if (value > UINT_MAX) throw new LiteralError('invalid uint literal')
  return Uint.of(value)
}

export function parseDouble(text: string, negative: boolean): Double {
  const value = Number(text)
  if (!Number.isFinite(value)) throw new LiteralError('invalid double literal')
  return new Double(negative ? -value : value)
}

/** The content of a string literal with its prefix and quotes. */
export function parseString(literal: string): string {
  const { body, raw } = unquote(literal)
  if (raw || !body.includes('\\')) return body
  let result = ''
  for (const { text, code } of pieces(body, false)) result += code === undefined ? text : String.fromCodePoint(code)
  return result
}

/** The content of a bytes literal: text as UTF-8, `\x` and octal escapes as single bytes. */
export function parseBytes(literal: string): Uint8Array {
  const { body, raw } = unquote(literal)
  const encoder = new TextEncoder()
  if (raw) return encoder.encode(body)
  const bytes: number[] = []
  for (const { text, code } of pieces(body, true)) {
    if (code === undefined) for (const byte of encoder.encode(text)) bytes.push(byte)
    else bytes.push(code)
  }
  return Uint8Array.from(bytes)
}

function unquote(literal: string): { body: string; raw: boolean } {
  const start = literal.search(/["']/)
  const quote = literal[start]!
  const size = literal.startsWith(quote.repeat(3), start) ? 3 : 1
  const body = literal.slice(start + size, literal.length - size)
  return { body: body.replaceAll(/\r\n?/g, '\n'), raw: /[rR]/.test(literal.slice(0, start)) }
}

/** Runs of plain text, and the numbers of numeric escapes. */
function* pieces(body: string, isBytes: boolean): Generator<{ text: string; code?: number }> {
  let at = 0
  while (at < body.length) {
    const start = body.indexOf('\\', at)
    if (start !== at) {
      yield { text: body.slice(at, start < 0 ? undefined : start) }
      if (start < 0) return
    }
    const mark = body[start + 1]
    if (mark === undefined) throw new LiteralError('unable to unescape string, found \\ as last character')
    const simple = SIMPLE[mark]
    if (simple !== undefined) {
      yield { text: simple }
      at = start + 2
      continue
    }
    const isOctal = mark >= '0' && mark <= '3'
    const size = isOctal ? 3 : DIGITS[mark]
    const first = start + (isOctal ? 1 : 2)
    const digits = body.slice(first, first + (size ?? 0))
    const pattern = isOctal ? /^[0-7]{3}$/ : /^[0-9a-fA-F]+$/
    if (size === undefined || digits.length < size || !pattern.test(digits) || (isBytes && /[uU]/.test(mark))) {
      throw new LiteralError('unable to unescape string')
    }
    const code = Number.parseInt(digits, isOctal ? 8 : 16)
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw new LiteralError('invalid unicode code point')
    yield { text: '', code }
    at = first + size
  }
}
