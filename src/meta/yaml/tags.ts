import { CODES, type Cursor, isBlank, isBlankOrEnd, isBreak, isBreakOrEnd, isDigit, isWord } from './cursor.ts'
import { scannerError } from './scalars.ts'
import type { Token } from './scanner.ts'

/** A line that begins with a percent sign. */
export function scanDirective(cursor: Cursor): Token {
  const { line } = cursor
  cursor.skip()
  const name = takeWhile(cursor, isWord)
  if (name === '') throw scannerError(cursor, 'could not find expected directive name')
  if (!isBlankOrEnd(cursor.code())) throw scannerError(cursor, 'found unexpected non-alphabetical character')
  const token = scanDirectiveValue(cursor, name, line)
  cursor.skipWhile(isBlank)
  if (cursor.code() === CODES.HASH) cursor.skipWhile((code) => !isBreakOrEnd(code))
  if (!isBreakOrEnd(cursor.code())) throw scannerError(cursor, 'did not find expected comment or line break')
  if (isBreak(cursor.code())) cursor.takeBreak()
  return token
}

function scanDirectiveValue(cursor: Cursor, name: string, line: number): Token {
  if (name !== 'YAML' && name !== 'TAG') throw scannerError(cursor, 'found unknown directive name')
  cursor.skipWhile(isBlank)
  if (name === 'YAML') {
    const major = takeVersionNumber(cursor)
    if (cursor.code() !== CODES.DOT) throw scannerError(cursor, "did not find expected digit or '.' character")
    cursor.skip()
    return { type: 'version directive', line, value: `${major}.${takeVersionNumber(cursor)}`, isPlain: false }
  }
  const value = takeHandle(cursor)
  if (value !== '!' && !value.endsWith('!')) throw scannerError(cursor, "did not find expected '!'")
  if (!isBlank(cursor.code())) throw scannerError(cursor, 'did not find expected whitespace')
  cursor.skipWhile(isBlank)
  const suffix = takeUri(cursor, '')
  if (!isBlankOrEnd(cursor.code())) throw scannerError(cursor, 'did not find expected whitespace or line break')
  return { type: 'tag directive', line, value, suffix, isPlain: false }
}

const VERSION_DIGITS_MAX = 2

function takeVersionNumber(cursor: Cursor): number {
  let digits = ''
  while (isDigit(cursor.code())) {
    if (digits.length === VERSION_DIGITS_MAX) throw scannerError(cursor, 'found extremely long version number')
    digits += String.fromCharCode(cursor.code())
    cursor.skip()
  }
  if (digits === '') throw scannerError(cursor, 'did not find expected version number')
  return Number(digits)
}

/** `!suffix`, `!handle!suffix`, or `!<whole>`, which has no handle. */
export function scanTag(cursor: Cursor): Token {
  const { line } = cursor
  let value = ''
  let suffix: string
  if (cursor.code(1) === CODES.LESS) {
    cursor.skipAll(2)
    suffix = takeUri(cursor, '')
    if (cursor.code() !== CODES.GREATER) throw scannerError(cursor, "did not find the expected '>'")
    cursor.skip()
  } else {
    value = takeHandle(cursor)
    if (value.length > 1 && value.endsWith('!')) suffix = takeUri(cursor, '')
    else {
      suffix = takeUri(cursor, value)
      value = '!'
      if (suffix === '') [value, suffix] = [suffix, value]
    }
  }
  if (!isBlankOrEnd(cursor.code())) throw scannerError(cursor, 'did not find expected whitespace or line break')
  return { type: 'tag', line, value, suffix, isPlain: false }
}

function takeHandle(cursor: Cursor): string {
  if (cursor.code() !== CODES.BANG) throw scannerError(cursor, "did not find expected '!'")
  const start = cursor.at
  cursor.skip()
  cursor.skipWhile(isWord)
  if (cursor.code() === CODES.BANG) cursor.skip()
  return cursor.since(start)
}

/** The rest of a tag, behind what was taken for a handle. */
function takeUri(cursor: Cursor, head: string): string {
  let uri = head.slice(1)
  let isEmpty = head === ''
  for (; isUri(cursor.code()); isEmpty = false) {
    if (cursor.code() === CODES.PERCENT) uri += takeEscapedCharacter(cursor)
    else uri += takeWhile(cursor, (code) => code !== CODES.PERCENT && isUri(code))
  }
  if (isEmpty) throw scannerError(cursor, 'did not find expected tag URI')
  return uri
}

const isUri = (code: number): boolean => isWord(code) || URI.has(code)

const URI: ReadonlySet<number> = new Set(Buffer.from(";/?:@&=+$,.!~*'()[]%"))

/** A character of UTF-8 that is written as `%C3%A9`. */
function takeEscapedCharacter(cursor: Cursor): string {
  const bytes: number[] = []
  let length = 1
  for (; bytes.length < length; cursor.skipAll(3)) {
    const digits = String.fromCharCode(cursor.code(1), cursor.code(2))
    if (cursor.code() !== CODES.PERCENT || !/^[\da-fA-F]{2}$/.test(digits))
      throw scannerError(cursor, 'did not find URI escaped octet')
    const byte = Number.parseInt(digits, 16)
    if (bytes.length === 0) {
      length = byte < 0x80 ? 1 : byte < 0xc0 || byte >= 0xf8 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
      if (length === 0) throw scannerError(cursor, 'found an incorrect leading UTF-8 octet')
    } else if ((byte & 0xc0) !== 0x80) throw scannerError(cursor, 'found an incorrect trailing UTF-8 octet')
    bytes.push(byte)
  }
  return Buffer.from(bytes).toString()
}

function takeWhile(cursor: Cursor, holds: (code: number) => boolean): string {
  const start = cursor.at
  cursor.skipWhile(holds)
  return cursor.since(start)
}
