import { isUtf8 } from 'node:buffer'

/** What Go's `unicode.IsPrint` takes: letters, marks, numbers, punctuation, symbols, and of spaces the ASCII one alone. */
const PLAIN = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u
const QUOTED_BY_NAME: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
}

/** Whether Go prints every character of a text as it is: letters, marks, numbers, punctuation, symbols and the plain space. */
export const isPrintable = (text: string): boolean => PLAIN.test(text)

/** A text as Go prints it by `%q`: in double quotes, with Go's escapes of what is not printable. Upstream's messages show values so. */
export function goQuote(text: string): string {
  if (PLAIN.test(text) && !text.includes('"') && !text.includes('\\')) return `"${text}"`
  let quoted = ''
  for (const character of text.toWellFormed()) quoted += quoteCharacter(character)
  return `"${quoted}"`
}

/** UTF-8 of one character, and of nothing that UTF-8 does not allow, with each byte as a character. */
const ENCODED =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are characters as well
  /^(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})/

/** Bytes as Go prints a string of them by `%q`: what is no UTF-8 is shown byte by byte. */
export function goQuoteBytes(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return goQuote(Buffer.from(bytes).toString())
  let quoted = ''
  for (let rest = Buffer.from(bytes).toString('latin1'); rest !== ''; ) {
    const character = ENCODED.exec(rest)?.[0]
    quoted +=
      character === undefined ? `\\x${hex(rest.charCodeAt(0), 2)}` : quoteCharacter(Buffer.from(character, 'latin1').toString())
    rest = rest.slice(character?.length ?? 1)
  }
  return `"${quoted}"`
}

function quoteCharacter(character: string): string {
  const named = QUOTED_BY_NAME[character]
  if (named !== undefined) return named
  if (PLAIN.test(character)) return character
  const code = character.codePointAt(0)!
  if (code < 0x80) return `\\x${hex(code, 2)}`
  return code < 0x1_0000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`
}

const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, '0')
