/**
 * resource.Quantity (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/): an exact number in
 * units of 1e-9, with the format it was written in. Finer digits round up, away from zero.
 */
export interface Quantity {
  readonly nanos: bigint
  readonly format: 'BinarySI' | 'DecimalSI' | 'DecimalExponent'
  /** How it was written, where upstream takes that for its one spelling: `5.999`, `007`. */
  readonly spelling?: string
}

const NANO = 1_000_000_000n
const DECIMAL_SUFFIXES: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const BINARY_SUFFIXES: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 }
/** Digits may be missing altogether: a sign, a dot or a suffix alone is zero. */
const PATTERN = /^([+-]?)0*(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)$/
const NO_DIGITS = /^[+-]?\.?[a-zA-Z]/
const EXPONENT = /^[eE][-+]?\d+$/
/** Upstream takes any of 32 bits, and would count for ever. */
const EXPONENT_MAX = 1_000
/** Decimal digits that are always held by 64 bits. */
const PLAIN_DIGITS_MAX = 18
const PLAIN_BINARY_DIGITS_MAX = 15

export const QUANTITY_ERROR = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"

/** Of no digits at all, where upstream does not take them for zero. */
const NUMERIC_ERROR = 'unable to parse numeric part of quantity'
const SUFFIX_ERROR = "unable to parse quantity's suffix"
const BINARY_MAX = 2n ** 63n - 1n

/** Quantities that are remembered: a cluster writes the same few over and over, and a pod's are read a dozen times at its creation. */
const KNOWN_MAX = 1_000
const KNOWN_LENGTH_MAX = 32
const known = new Map<string, Quantity>()

/** Frozen and shared. Throws an Error with upstream's sentence. */
export function parseQuantity(text: string): Quantity {
  let quantity = known.get(text)
  if (quantity === undefined) {
    quantity = Object.freeze(read(text))
    if (text.length > KNOWN_LENGTH_MAX) return quantity
    if (known.size >= KNOWN_MAX) known.clear()
    known.set(text, quantity)
  }
  return quantity
}

function read(text: string): Quantity {
  const quantity = tryRead(text)
  if (typeof quantity === 'string') throw new Error(quantity)
  return quantity
}

/** The quantity, or what is wrong with the text. */
function tryRead(text: string): Quantity | string {
  const match = text === '' ? null : PATTERN.exec(text)
  if (match === null) return QUANTITY_ERROR
  const [, sign, whole = '', fraction = '', suffix = ''] = match
  const digits = BigInt(whole + fraction || '0')
  const signed = (magnitude: bigint): bigint => (sign === '-' ? -magnitude : magnitude)
  if (Object.hasOwn(BINARY_SUFFIXES, suffix)) {
    const power = BINARY_SUFFIXES[suffix]!
    const exact = scale(digits << BigInt(power), 9 - fraction.length)
    // Upstream counts bytes in 64 bits.
    const magnitude = exact > BINARY_MAX * NANO ? BINARY_MAX * NANO : exact
    const isPlain =
      fraction === '' && (whole.length || 1) <= PLAIN_BINARY_DIGITS_MAX - Math.trunc(Math.fround(power * 3) / 10) - 1
    if (!isPlain && NO_DIGITS.test(text)) return NUMERIC_ERROR
    const isSmall = !isPlain && magnitude > 0n && magnitude < NANO
    const format = isSmall ? 'DecimalSI' : 'BinarySI'
    return { nanos: signed(magnitude), format, ...(isPlain && digits % 8n !== 0n && { spelling: text }) }
  }
  const isExponent = !Object.hasOwn(DECIMAL_SUFFIXES, suffix)
  if (isExponent && !EXPONENT.test(suffix)) return SUFFIX_ERROR
  const exponent = isExponent ? Number(suffix.slice(1)) : DECIMAL_SUFFIXES[suffix]!
  if (Math.abs(exponent) > EXPONENT_MAX) return QUANTITY_ERROR
  if (exponent - fraction.length < -9 && NO_DIGITS.test(text)) return NUMERIC_ERROR
  const nanos = signed(scale(digits, exponent + 9 - fraction.length))
  const format = isExponent ? 'DecimalExponent' : 'DecimalSI'
  return { nanos, format, ...(isSpeltPlainly(whole, fraction, exponent) && { spelling: text }) }
}

/** Whether upstream keeps a decimal as it was written: when its digits, without the dot, need no zeros taken from them for a suffix. */
function isSpeltPlainly(whole: string, fraction: string, exponent: number): boolean {
  const digits = (whole === '' ? '0' : whole) + fraction
  const power = exponent - fraction.length
  return digits.length <= PLAIN_DIGITS_MAX && power >= -9 && power % 3 === 0 && !digits.endsWith('000') && !digits.startsWith('0')
}

export const isQuantity = (text: string): boolean => known.has(text) || typeof tryRead(text) !== 'string'

/** The one spelling of a value: no fraction, the largest suffix that keeps it whole. */
export function formatQuantity({ nanos, format }: Quantity): string {
  if (nanos === 0n) return '0'
  const negative = nanos < 0n
  const magnitude = negative ? -nanos : nanos
  const sign = negative ? '-' : ''
  // Binary form exists for whole numbers of at least 1024 only; smaller ones are plain decimals.
  if (format === 'BinarySI' && magnitude % NANO === 0n && magnitude / NANO >= 1024n) return sign + binary(magnitude / NANO)
  return sign + decimal(magnitude, format === 'DecimalExponent')
}

function binary(value: bigint): string {
  let rest = value
  let power = 0
  while (power < 60 && rest % 1024n === 0n) {
    rest /= 1024n
    power += 10
  }
  const suffix = Object.keys(BINARY_SUFFIXES).find((each) => BINARY_SUFFIXES[each] === power) ?? ''
  return `${rest}${suffix}`
}

function decimal(nanos: bigint, exponentForm: boolean): string {
  let rest = nanos
  let power = -9
  // No suffix says more than E.
  while ((power < 18 || exponentForm) && rest % 1000n === 0n) {
    rest /= 1000n
    power += 3
  }
  if (exponentForm) return power === 0 ? `${rest}` : `${rest}e${power}`
  const suffix = Object.keys(DECIMAL_SUFFIXES).find((each) => DECIMAL_SUFFIXES[each] === power) ?? ''
  return `${rest}${suffix}`
}

/** Canonical text of a quantity's text. */
export function canonicalQuantity(text: string): string {
  const quantity = parseQuantity(text)
  return quantity.spelling ?? formatQuantity(quantity)
}

/** Thousandths, rounded away from zero: what CPU is counted in. */
export const milliValue = (text: string | undefined): number =>
  text === undefined ? 0 : Number(divideAwayFromZero(parseQuantity(text).nanos, 1_000_000n))

/** Whole units, rounded away from zero: bytes, counts. */
export const quantityValue = (text: string | undefined): number =>
  text === undefined ? 0 : Number(divideAwayFromZero(parseQuantity(text).nanos, NANO))

export function compareQuantities(a: string, b: string): number {
  const difference = parseQuantity(a).nanos - parseQuantity(b).nanos
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** The sum keeps the format of the first. */
export function addQuantities(a: string, b: string): string {
  const left = parseQuantity(a)
  const right = parseQuantity(b)
  return formatQuantity({ nanos: left.nanos + right.nanos, format: left.nanos === 0n ? right.format : left.format })
}

export function subtractQuantities(a: string, b: string): string {
  const left = parseQuantity(a)
  const right = parseQuantity(b)
  return formatQuantity({ nanos: left.nanos - right.nanos, format: left.nanos === 0n ? right.format : left.format })
}

/** `digits × 10^exponent`, rounded up where digits are lost. */
function scale(digits: bigint, exponent: number): bigint {
  if (exponent >= 0) return digits * 10n ** BigInt(exponent)
  return ceilDivide(digits, 10n ** BigInt(-exponent))
}

function ceilDivide(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by
}

const divideAwayFromZero = (value: bigint, by: bigint): bigint => (value < 0n ? -ceilDivide(-value, by) : ceilDivide(value, by))
