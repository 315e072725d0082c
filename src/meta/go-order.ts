/** The order of texts in Go, by bytes of UTF-8: JavaScript's, by UTF-16, differs where a character past U+FFFF meets one between U+E000 and U+FFFF. */
export function inByteOrder(a: string, b: string): number {
  const end = Math.min(a.length, b.length)
  let at = 0
  while (at < end && a.charCodeAt(at) === b.charCodeAt(at)) at++
  if (at === end) return a.length - b.length
  return weight(a.charCodeAt(at)) - weight(b.charCodeAt(at))
}

/** Puts surrogates behind all else. */
const weight = (unit: number): number => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x1_0000 : unit)
