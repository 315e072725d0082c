import { fail } from './failure.ts'

/**
 * CEL's numbers. An `int` is a JavaScript number while it is a safe integer, else a bigint: arithmetic on the integers that occur costs what
 * JavaScript's does, and overflow at 64 bits is exact. `double` and `uint`, rare in Kubernetes rules, are the boxed ones.
 */
export type Int = number | bigint

const INT_MAX = (1n << 63n) - 1n
const INT_MIN = -(1n << 63n)
const UINT_MAX = (1n << 64n) - 1n

const EXPONENT_FROM = 1e6

export class Double {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }
}

export class Uint {
  /** A number while it is safe, else a bigint. */
  readonly value: Int

  private constructor(value: Int) {
    this.value = value
  }

  /** Fails when `value` is outside of 64 bits. */
  static of(value: Int, message = 'unsigned integer overflow'): Uint {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return new Uint(value)
    const exact = BigInt(value)
    if (exact < 0n || exact > UINT_MAX) return fail(message)
    return new Uint(narrow(exact))
  }
}

/** The canonical int of an exact number; fails outside of 64 bits. */
export function toInt(value: bigint, message = 'integer overflow'): Int {
  if (value > INT_MAX || value < INT_MIN) return fail(message)
  return narrow(value)
}

const narrow = (value: bigint): Int =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value

export const isInt = (value: unknown): value is Int => typeof value === 'number' || typeof value === 'bigint'

export function addInts(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b
    if (Number.isSafeInteger(sum)) return sum
  }
  return toInt(BigInt(a) + BigInt(b))
}

export function subtractInts(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b
    if (Number.isSafeInteger(difference)) return difference
  }
  return toInt(BigInt(a) - BigInt(b))
}

export function multiplyInts(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const product = a * b
    // The sum with zero turns -0 into 0: an int has one zero.
    if (Number.isSafeInteger(product)) return product + 0
  }
  return toInt(BigInt(a) * BigInt(b))
}

export function divideInts(a: Int, b: Int): Int {
  if (b === 0) return fail('division by zero')
  if (typeof a === 'number' && typeof b === 'number') return Math.trunc(a / b) + 0
  return toInt(BigInt(a) / BigInt(b))
}

export function remainderInts(a: Int, b: Int): Int {
  if (b === 0) return fail('modulus by zero')
  if (typeof a === 'number' && typeof b === 'number') return (a % b) + 0
  // The smallest int by -1 is an overflow upstream, though its remainder is zero.
  if (BigInt(a) === INT_MIN && b === -1) return fail('integer overflow')
  return toInt(BigInt(a) % BigInt(b))
}

export const negateInt = (a: Int): Int => (typeof a === 'number' ? 0 - a : toInt(-a))

/** Truncates a double to an int; fails where the double is not finite or not inside 64 bits. */
export function intOfDouble(value: number): Int {
  // The bounds themselves are refused: 2^63 - 1 has no double of its own.
  if (!Number.isFinite(value) || value <= -(2 ** 63) || value >= 2 ** 63) return fail('integer overflow')
  return toInt(BigInt(Math.trunc(value)))
}

/** -1, 0, 1 between numbers of any types; undefined with NaN. */
export function compareNumbers(a: Int | Double | Uint, b: Int | Double | Uint): number | undefined {
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : a > b ? 1 : 0
  let left = typeof a === 'object' ? a.value : a
  let right = typeof b === 'object' ? b.value : b
  // Beside a double everything is one, as upstream: 2^63 - 1 equals 2.0^63.
  if (a instanceof Double) right = Number(right)
  else if (b instanceof Double) left = Number(left)
  if (left < right) return -1
  if (left > right) return 1
  // biome-ignore lint/suspicious/noDoubleEquals: a bigint and a number of the same value are equal only loosely
  return left == right ? 0 : undefined
}

/** Go's `%g` of a double, which conversion to string uses: the shortest digits, with an exponent outside of 1e-4 to 1e6. */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (Object.is(value, -0)) return '-0'
  const size = Math.abs(value)
  if (value !== 0 && (size < 1e-4 || size >= EXPONENT_FROM)) {
    const [mantissa, exponent] = value.toExponential().split('e')
    const digits = exponent!.slice(1).padStart(2, '0')
    return `${mantissa}e${exponent![0]}${digits}`
  }
  return String(value)
}

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i

/** Go's `strconv.ParseFloat`: decimals, hexadecimals and names; undefined for what is none and for what is past the largest double. */
export function parseDouble(given: string): number | undefined {
  const isHexadecimal = /^[+-]?0x/i.test(given)
  // Underscores stand between digits.
  const text = given.replaceAll(isHexadecimal ? /(?<=[\da-fx])_(?=[\da-f])/gi : /(?<=\d)_(?=\d)/g, '')
  if (/^[+-]?(?:inf|infinity)$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  if (/^[+-]?nan$/i.test(text)) return /^[+-]/.test(text) ? undefined : NaN
  const number = isHexadecimal ? parseHexadecimal(text) : DECIMAL.test(text) ? Number(text) : undefined
  return Number.isFinite(number) ? number : undefined
}

const HEXADECIMAL = /^([+-]?)0x([\da-f]*)\.?([\da-f]*)p([+-]?\d+)$/i

/** Its exponent, of two, is not optional: `0x1.8p3`. */
function parseHexadecimal(text: string): number | undefined {
  const [, sign, whole = '', fraction = '', exponent] = HEXADECIMAL.exec(text) ?? []
  if (sign === undefined || whole + fraction === '') return undefined
  const size = Number(`0x${whole}${fraction}`) * 2 ** (Number(exponent) - 4 * fraction.length)
  return sign === '-' ? -size : size
}
