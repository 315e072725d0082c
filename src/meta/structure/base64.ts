/** In one spelling: bits that belong to no byte are zero. */
const CANONICAL = /^[A-Za-z0-9+/]*(?:[A-Za-z0-9+/][AEIMQUYcgkosw048]=|[AQgw]==)?$/
const DIGIT = /[A-Za-z0-9+/]/
const QUANTUM = 4

/** Bytes in base64 as Go spells them, with line ends left out; or where, in bytes, Go's decoder finds the first that is none. */
export function readBase64(text: string): string | number {
  if (text.length % QUANTUM === 0 && CANONICAL.test(text)) return text
  const corrupt = firstCorrupt(Buffer.from(text).toString('latin1'))
  return corrupt ?? Buffer.from(text, 'base64').toString('base64')
}

function firstCorrupt(text: string): number | undefined {
  let digits = 0
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!
    if (isLineEnd(character)) continue
    if (DIGIT.test(character)) digits = (digits + 1) % QUANTUM
    else if (character === '=' && digits >= 2) return corruptPadding(text, at + 1, QUANTUM - 1 - digits)
    else return at
  }
  return digits === 0 ? undefined : text.length - digits
}

/** Behind the first sign of padding: another one, if the last quantum needs it, and the end. */
function corruptPadding(text: string, from: number, missing: number): number | undefined {
  let at = behindLineEnds(text, from)
  if (missing > 0) {
    if (at === text.length) return at
    if (text[at] !== '=') return at - 1
    at = behindLineEnds(text, at + 1)
  }
  return at < text.length ? at : undefined
}

function behindLineEnds(text: string, from: number): number {
  let at = from
  while (at < text.length && isLineEnd(text[at]!)) at++
  return at
}

const isLineEnd = (character: string): boolean => character === '\n' || character === '\r'
