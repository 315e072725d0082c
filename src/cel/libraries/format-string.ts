import { goQuote } from '#base'
import { CelDuration } from '../values/duration.ts'
import { fail } from '../values/failure.ts'
import { typeNameOf } from '../values/kind.ts'
import { CelList } from '../values/list.ts'
import { CelMap } from '../values/map.ts'
import { Double, formatDouble, isInt, Uint } from '../values/number.ts'
import { TypeValue } from '../values/opaque.ts'
import { Timestamp } from '../values/timestamp.ts'
import type { Value } from '../values/value.ts'
import { spend } from '../values/work.ts'

/**
 * How values inside of lists and maps print, and how doubles do. `literals`, of the library's versions 1 to 3, which Kubernetes uses, writes
 * `["a", 1.500000]`, `1,234.5` and `1.5 × 10⁰³`; `plain`, from version 4 on, writes `[a, 1.5]`, `1234.5` and `1.5e+03`.
 */
export type FormatStyle = 'literals' | 'plain'

const PRECISION = 6
const PRECISION_MAX = 1000
/** Printing an element costs about as much as comparing so many. */
const PRINT_WEIGHT = 16

/** What a clause of a format makes of its argument. */
type Write = (clause: Clause, index: number) => string

export interface Clause {
  readonly letter: string
  readonly precision: number | undefined
}

/** `format.format(args)`. */
export function formatString(format: string, args: CelList, style: FormatStyle): string {
  return interpolate(format, args.size, (clause, index) => writer(clause, style)(args.at(index)), true)
}

/**
 * Goes through a format clause by clause. `seeksFirst` says which comes first where both are missing: the argument or the end of the clause. Fails where
 * a clause is none or has no argument.
 */
export function interpolate(format: string, size: number, write: Write, seeksFirst: boolean): string {
  let result = ''
  let used = 0
  let at = 0
  const seek = (): void => {
    if (used >= size) fail(`index ${used} out of range`)
  }
  while (at < format.length) {
    const percent = format.indexOf('%', at)
    if (percent < 0) return result + format.slice(at)
    result += format.slice(at, percent)
    if (format[percent + 1] === '%') {
      result += '%'
      at = percent + 2
      continue
    }
    if (seeksFirst) seek()
    if (percent + 1 >= format.length) return fail('unexpected end of string')
    seek()
    const { clause, length } = clauseAt(format.slice(percent + 1))
    result += write(clause, used++)
    at = percent + 1 + length
  }
  return result
}

function clauseAt(text: string): { clause: Clause; length: number } {
  const [whole, digits] = /^(?:\.(\d*))?/.exec(text)!
  const letter = text[whole.length]
  if (letter === undefined) return unparsed('error while parsing precision: could not find end of precision specifier')
  return { clause: { letter, precision: digits === undefined ? undefined : precisionOf(digits) }, length: whole.length + 1 }
}

const unparsed = (why: string): never => fail(`could not parse formatting clause: ${why}`)

function precisionOf(digits: string): number {
  const problem = digits === '' ? 'invalid syntax' : Number(digits) > 2 ** 63 ? 'value out of range' : undefined
  if (problem === undefined) return Number(digits)
  return unparsed(
    `error while parsing precision: error while converting precision to integer: strconv.Atoi: parsing ${JSON.stringify(digits)}: ${problem}`,
  )
}

/** Upstream reads formats byte by byte, and shows the byte. */
export const unrecognized = (letter: string): never =>
  unparsed(`unrecognized formatting clause "${String.fromCharCode(Buffer.from(letter)[0]!)}"`)

function writer({ letter, precision }: Clause, style: FormatStyle): (value: Value) => string {
  if (precision !== undefined && precision > PRECISION_MAX) return unparsed('precision is too large')
  switch (letter) {
    case 's':
      return (value) => text(value, style)
    case 'd':
      return (value) => decimal(value, style)
    case 'f':
      return (value) => double(value, 'fixed-point', (number) => fixed(number, precision ?? PRECISION, style), style)
    case 'e':
      return (value) => double(value, 'scientific', (number) => scientific(number, precision ?? PRECISION, style), style)
    case 'b':
      return binary
    case 'x':
      return hex
    case 'X':
      return (value) => hex(value).toUpperCase()
    case 'o':
      return octal
    default:
      return unrecognized(letter)
  }
}

const wrong = (message: string, value: Value): never =>
  fail(`error during formatting: ${message}, was given ${typeNameOf(value)}`)
const whole = (value: Value): bigint | undefined =>
  isInt(value) ? BigInt(value) : value instanceof Uint ? BigInt(value.value) : undefined

function decimal(value: Value, style: FormatStyle): string {
  if (style === 'plain' && value instanceof Double && !Number.isFinite(value.value)) return notFinite(value.value, style)
  const number = whole(value)
  return number === undefined ? wrong('decimal clause can only be used on integers', value) : String(number)
}

function octal(value: Value): string {
  const number = whole(value)
  return number === undefined ? wrong('octal clause can only be used on integers', value) : number.toString(8)
}

function binary(value: Value): string {
  if (typeof value === 'boolean') return value ? '1' : '0'
  const number = whole(value)
  return number === undefined ? wrong('only integers and bools can be formatted as binary', value) : number.toString(2)
}

function hex(value: Value): string {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
  if (bytes instanceof Uint8Array) return Buffer.from(bytes).toString('hex')
  const number = whole(value)
  return number === undefined
    ? wrong('only integers, byte buffers, and strings can be formatted as hex', value)
    : number.toString(16)
}

const NAMED: Readonly<Record<string, number>> = { NaN, Infinity, '-Infinity': -Infinity }

function double(value: Value, clause: string, write: (value: number) => string, style: FormatStyle): string {
  const named = typeof value === 'string' ? NAMED[value] : undefined
  const number = value instanceof Double ? value.value : (named ?? (style === 'plain' ? wholeNumber(value) : undefined))
  return number === undefined ? wrong(`${clause} clause can only be used on doubles`, value) : write(number)
}

const wholeNumber = (value: Value): number | undefined => {
  const number = whole(value)
  return number === undefined ? undefined : Number(number)
}

function notFinite(value: number, style: FormatStyle): string {
  if (Number.isNaN(value)) return 'NaN'
  if (style === 'plain') return value > 0 ? 'Infinity' : '-Infinity'
  return value > 0 ? '∞' : '-∞'
}

function fixed(value: number, precision: number, style: FormatStyle): string {
  if (!Number.isFinite(value)) return notFinite(value, style)
  const shown = roundHalfEven(value, precision)
  if (style === 'plain') return shown
  const [integer, fraction] = shown.split('.')
  return [integer!.replace(/\B(?=(\d{3})+$)/g, ','), ...(fraction === undefined ? [] : [fraction])].join('.')
}

/** Go rounds the exact binary value, ties to even; toFixed does the former but ties away from zero. */
function roundHalfEven(value: number, precision: number): string {
  if (precision > 100) return value.toFixed(100) + '0'.repeat(precision - 100)
  const shown = value.toFixed(precision)
  const exact = value.toFixed(Math.min(100, precision + 50))
  const rest = exact.slice(exact.indexOf('.') + 1 + precision)
  const isTie = Math.abs(value) < 1e21 && /^50*$/.test(rest)
  if (!isTie) return shown
  const kept = precision === 0 ? exact.slice(0, exact.indexOf('.')) : exact.slice(0, exact.indexOf('.') + 1 + precision)
  return Number(kept.at(-1)) % 2 === 0 ? kept : shown
}

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹'

function scientific(value: number, precision: number, style: FormatStyle): string {
  // The older libraries take the precision for the least width.
  if (!Number.isFinite(value)) return notFinite(value, style).padStart(style === 'plain' ? 0 : precision)
  const [mantissa, exponent] = value.toExponential(style === 'plain' ? Math.min(precision, 100) : PRECISION).split('e')
  const digits = exponent!.slice(1).padStart(2, '0')
  if (style === 'plain') return `${mantissa}e${exponent![0]}${digits}`
  const power = [...digits].map((digit) => SUPERSCRIPTS[Number(digit)]).join('')
  return `${mantissa}\u202f×\u202f10${exponent![0] === '-' ? '⁻' : ''}${power}`.padStart(precision)
}

/** `%s`. */
function text(value: Value, style: FormatStyle): string {
  if (value === null) return 'null'
  if (value instanceof CelList || value instanceof CelMap) return nested(value, style)
  return plainText(value, style)
}

function plainText(value: Value, style: FormatStyle): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean' || isInt(value)) return String(value)
  if (value instanceof Uint) return String(value.value)
  if (value instanceof Double)
    return style === 'plain' && !Number.isFinite(value.value) ? notFinite(value.value, style) : formatDouble(value.value)
  if (value instanceof Uint8Array) return ofBytes(value)
  if (value instanceof Timestamp || value instanceof CelDuration) return value.toString()
  if (value instanceof TypeValue) return value.name
  return wrong(
    'string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps',
    value,
  )
}

function ofBytes(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    const reason = 'invalid UTF-8 in bytes, cannot convert to string'
    return fail(`error during formatting: could not convert argument "${reason}" to string`)
  }
}

function nested(value: Value, style: FormatStyle): string {
  if (value instanceof CelList || value instanceof CelMap) spend(value.size * PRINT_WEIGHT)
  if (value instanceof CelList)
    return `[${value
      .toArray()
      .map((each) => nested(each, style))
      .join(', ')}]`
  if (value instanceof CelMap) {
    const separator = style === 'plain' ? ': ' : ':'
    const pairs = [...value.keys()].map((key) => [nested(key, style), nested(value.get(key)!, style)] as const)
    pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    return `{${pairs.map(([key, entry]) => key + separator + entry).join(', ')}}`
  }
  return style === 'plain' ? text(value, style) : literal(value)
}

/** As it would be written in an expression. */
function literal(value: Value): string {
  if (typeof value === 'string') return goQuote(value)
  if (value instanceof Uint8Array) return `b${goQuote(plainText(value, 'literals'))}`
  if (value instanceof Timestamp) return `timestamp("${value}")`
  if (value instanceof CelDuration) return `duration("${value}")`
  if (value instanceof Double)
    return Number.isFinite(value.value) ? value.value.toFixed(PRECISION) : JSON.stringify(formatDouble(value.value))
  return text(value, 'literals')
}
