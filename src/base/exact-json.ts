/**
 * JSON whose integers keep all their digits: one past 2^53 that fits into 64 bits becomes a `bigint`, which JSON.stringify writes as the number that it was.
 * Everything else is as JSON.parse has it.
 *
 * Asking for the source of each number makes parsing ten times as slow, so a text is first looked through for a run of digits that is long enough to matter:
 * every sixteenth character is looked at, 0.2 µs a kilobyte against 4.5 µs for parsing it.
 */
export function parseJson(text: string): unknown {
  return hasLongNumber(text) ? JSON.parse(text, exactly) : JSON.parse(text)
}

/** An integer of 64 bits by its digits: a `bigint` when a number could not hold it. Undefined when it is none. */
export function exactInteger(digits: string): number | bigint | undefined {
  if (!INTEGER.test(digits)) return undefined
  const value = Number(digits)
  if (Number.isSafeInteger(value)) return value
  const exact = BigInt(digits)
  return BigInt.asIntN(BITS, exact) === exact ? exact : undefined
}

const BITS = 64
const INTEGER = /^-?\d+$/
/** Shorter numbers are held exactly. */
const DIGITS_MIN = 16

function hasLongNumber(text: string): boolean {
  for (let at = DIGITS_MIN - 1; at < text.length; at += DIGITS_MIN) {
    if (!isDigit(text, at)) continue
    let [start, end] = [at, at + 1]
    while (start > 0 && isDigit(text, start - 1)) start--
    while (end < text.length && isDigit(text, end)) end++
    if (end - start >= DIGITS_MIN) return true
  }
  return false
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code >= 0x30 && code <= 0x39
}

interface Source {
  readonly source?: string
}

/** Takes the text of a number where the number lost digits. */
function exactly(this: unknown, _key: string, value: unknown, { source }: Source = {}): unknown {
  if (typeof value !== 'number' || source === undefined || Number.isSafeInteger(value) || !Number.isInteger(value)) return value
  return exactInteger(source) ?? value
}

interface RawJson {
  rawJSON(text: string): unknown
}

// The one place that says how JSON.stringify writes a bigint; without it a single long number would make it throw.
Object.defineProperty(BigInt.prototype, 'toJSON', {
  value(this: bigint): unknown {
    return (JSON as unknown as RawJson).rawJSON(this.toString())
  },
  configurable: true,
  writable: true,
})
