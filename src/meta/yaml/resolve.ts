import { YamlError } from './cursor.ts'

/** A scalar as Go's type for it holds it. */
export type Resolved =
  | { readonly type: 'binary' | 'str' | 'timestamp'; readonly value: string }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'null'; readonly value: null }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'int' | 'uint'; readonly value: number | bigint }

const LONG = 'tag:yaml.org,2002:'
const BINARY = `${LONG}binary`
const TIMESTAMP = `${LONG}timestamp`
const FLOAT = `${LONG}float`
/** Tags that a scalar has to suit. Any other leaves its text as it is. */
const JUDGED: ReadonlySet<string> = new Set([TIMESTAMP, FLOAT, `${LONG}bool`, `${LONG}int`, `${LONG}null`])

/** What a scalar with this tag in its long form, or with none, is in YAML 1.1 as Go's library reads it. Throws `YamlError` where they don't suit. */
export function resolveScalar(tag: string, text: string): Resolved {
  if (tag === '') return guessed(text)
  if (tag === BINARY) return { type: 'binary', value: text }
  if (!JUDGED.has(tag)) return { type: 'str', value: text }
  const found = guessed(text)
  // Only what has no tag, or that of times, is looked at as a time; nothing else that begins so is a number.
  const type = found.type === 'timestamp' && tag !== TIMESTAMP ? 'str' : found.type === 'uint' ? 'int' : found.type
  if (LONG + type === tag) return found
  if (tag === FLOAT && found.type === 'int') return { type: 'float', value: Number(found.value) }
  throw new YamlError(`cannot decode !!${type} \`${text}\` as a ${shortTag(tag)}`)
}

const shortTag = (tag: string): string => (tag.startsWith(LONG) ? `!!${tag.slice(LONG.length)}` : tag)

const words = (value: Resolved, texts: string): [string, Resolved][] => texts.split(' ').map((text) => [text, value])

const NULL: Resolved = { type: 'null', value: null }
const WORDS: ReadonlyMap<string, Resolved> = new Map([
  ...words({ type: 'bool', value: true }, 'y Y yes Yes YES true True TRUE on On ON'),
  ...words({ type: 'bool', value: false }, 'n N no No NO false False FALSE off Off OFF'),
  ...words({ type: 'float', value: Number.NaN }, '.nan .NaN .NAN'),
  ...words({ type: 'float', value: Number.POSITIVE_INFINITY }, '.inf .Inf .INF +.inf +.Inf +.INF'),
  ...words({ type: 'float', value: Number.NEGATIVE_INFINITY }, '-.inf -.Inf -.INF'),
  ...words(NULL, '~ null Null NULL'),
  ['', NULL],
])

const FIRST = /^(?:[-+.\dyYnNtTfFoO~]|$)/
const POINT_FIRST = /^\.\d+(?:_\d+)*(?:[eE][-+]?\d+(?:_\d+)*)?$/
const FLOATING = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/

function guessed(text: string): Resolved {
  const isText: Resolved = { type: 'str', value: text }
  if (!FIRST.test(text)) return isText
  const word = WORDS.get(text)
  if (word !== undefined) return word
  if (text.startsWith('.')) return POINT_FIRST.test(text) ? floatOf(text.replaceAll('_', ''), isText) : isText
  if (!/^[-+\d]/.test(text)) return isText
  if (isTimestamp(text)) return { type: 'timestamp', value: text }
  const plain = text.replaceAll('_', '')
  return integerOf(plain) ?? (FLOATING.test(plain) ? floatOf(plain, isText) : isText)
}

/** Numbers past the range of floats are texts. */
function floatOf(digits: string, isText: Resolved): Resolved {
  const value = Number(digits)
  return Number.isFinite(value) ? { type: 'float', value } : isText
}

const INTEGER = /^([-+]?)(?:0[xX]([\da-fA-F]+)|0[oO]?([0-7]+)|0[bB]([01]+)|(0|[1-9]\d*))$/
/** Its sign is behind the mark of its base. */
const SIGNED_BITS = /^0b([-+])([01]+)$/
/** Shorter numbers are held exactly. */
const DIGITS_MAX = 15
const BITS = 64

function integerOf(plain: string): Resolved | undefined {
  if (plain.length <= DIGITS_MAX && /^(?:0|-?[1-9]\d*)$/.test(plain)) return { type: 'int', value: Number(plain) }
  const [, sign, hex, octal, bits, decimal] = INTEGER.exec(plain) ?? []
  if (sign !== undefined)
    return hex
      ? integer(sign, '0x', hex)
      : octal
        ? integer(sign, '0o', octal)
        : bits
          ? integer(sign, '0b', bits)
          : integer(sign, '', decimal!)
  const [, inner, innerBits] = SIGNED_BITS.exec(plain) ?? []
  return inner === undefined ? undefined : integer(inner, '0b', innerBits!)
}

function integer(sign: string, base: string, digits: string): Resolved | undefined {
  const significant = digits.replace(/^0+(?=.)/, '')
  if (significant.length > BITS) return undefined
  const magnitude = BigInt(base + significant)
  const value = sign === '-' ? -magnitude : magnitude
  if (BigInt.asIntN(BITS, value) === value) {
    const number = Number(value)
    return { type: 'int', value: Number.isSafeInteger(number) ? number : value }
  }
  return sign === '' && BigInt.asUintN(BITS, value) === value ? { type: 'uint', value } : undefined
}

const DATE = /^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt](.*)(?:Z|[-+](\d\d):(\d\d)))| (.*))?$/
const CLOCK = /^(\d\d?):(\d\d?):(\d\d?)(?:[.,]\d+)?$/

/** A date, or a date and a time of day: with a zone behind a `T`, with none behind a space. */
export function isTimestamp(text: string): boolean {
  const [found, year, month, day, zoned, hours = '0', minutes = '0', bare] = DATE.exec(text) ?? []
  if (found === undefined || Number(hours) > 24 || Number(minutes) > 60) return false
  if (Number(month) < 1 || Number(month) > 12 || Number(day) < 1) return false
  if (Number(day) > new Date(Date.UTC(2000 + (Number(year) % 400), Number(month), 0)).getUTCDate()) return false
  const clock = zoned ?? bare
  if (clock === undefined) return true
  const [time, hour, minute, second] = CLOCK.exec(clock) ?? []
  return time !== undefined && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60
}
