const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '0',
  '\u0007': 'a',
  '\b': 'b',
  '\t': 't',
  '\n': 'n',
  '\v': 'v',
  '\f': 'f',
  '\r': 'r',
  '\u001b': 'e',
  '"': '"',
  '\\': '\\',
  '\u0085': 'N',
  '\u00a0': '_',
  '\u2028': 'L',
  '\u2029': 'P',
}

/** A text in double quotes, as Go's libraries for YAML write it: what they take for no printable character is escaped. */
export function escapedYaml(text: string): string {
  // Their test for a mark of byte order looks at the start of the text for every character.
  const escaped = text.startsWith('\ufeff') ? /./gsu : /["\\\n]|[^\n -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/gu
  return `"${text.replaceAll(escaped, escapeOf)}"`
}

function escapeOf(character: string): string {
  const known = ESCAPES[character]
  if (known !== undefined) return `\\${known}`
  const digits = character.codePointAt(0)!.toString(16).toUpperCase()
  if (digits.length <= 2) return `\\x${digits.padStart(2, '0')}`
  return digits.length <= 4 ? `\\u${digits.padStart(4, '0')}` : `\\U${digits.padStart(8, '0')}`
}
