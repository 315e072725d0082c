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

function quoteCharacter(character: string): string {
  const named = QUOTED_BY_NAME[character]
  if (named !== undefined) return named
  if (PLAIN.test(character)) return character
  const code = character.codePointAt(0)!
  if (code < 0x80) return `\\x${hex(code, 2)}`
  return code < 0x1_0000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`
}

const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, '0')
