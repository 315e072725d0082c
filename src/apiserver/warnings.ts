/** Characters of all warnings of an answer; past them each is cut to its share, and what comes then is dropped. Upstream's. */
const TOTAL_CHARACTERS_MAX = 4 * 1024
const CUT_CHARACTERS = 256

/**
 * The header that shows warnings (RFC 7234, 5.5), each once, in UTF-8 with a character for each byte, as heads are written; empty when there are none. Those
 * with control characters in them are not shown.
 */
export function warningHeader(warnings: readonly string[]): string {
  const shown = [...new Set(warnings)].filter((text) => text !== '' && !CONTROL.test(text))
  // In UTF-16 they are no shorter.
  const atMost = shown.reduce((sum, text) => sum + text.length, 0)
  const total = atMost <= TOTAL_CHARACTERS_MAX ? atMost : shown.reduce((sum, text) => sum + lengthOf(text), 0)
  return (total <= TOTAL_CHARACTERS_MAX ? shown : cut(shown)).map(quoted).join(', ')
}

const CONTROL = /\p{Cc}/u

function cut(texts: readonly string[]): string[] {
  const kept: string[] = []
  for (let index = 0, total = 0; index < texts.length && total < TOTAL_CHARACTERS_MAX; index++) {
    const text = [...texts[index]!.slice(0, 2 * CUT_CHARACTERS)].slice(0, CUT_CHARACTERS).join('')
    kept.push(text)
    total += lengthOf(text)
  }
  return kept
}

/** Not of UTF-16, and without an array of what may be megabytes. */
function lengthOf(text: string): number {
  let length = 0
  for (const _ of text) length++
  return length
}

const quoted = (text: string): string => `299 - "${bytesOf(text.replace(/["\\]/g, '\\$&'))}"`

const ASCII = /^[ -~]*$/

/** A text of a character for each byte of UTF-8; most warnings are that already. */
const bytesOf = (text: string): string => (ASCII.test(text) ? text : Buffer.from(text).toString('latin1'))
