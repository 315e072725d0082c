/**
 * resource.Quantity (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/): an exact number in
 * units of 1e-9, with the format it was written in. Finer digits round up, away from zero.
 */
export interface Quantity {
  readonly nanos: bigint
  readonly format: 'BinarySI' | 'DecimalSI' | 'DecimalExponent'
}

const NANO = 1_000_000_000n
const DECIMAL_SUFFIXES: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const BINARY_SUFFIXES: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 }
const PATTERN = /^([+-]?)(\d*)(?:\.(\d*))?(?:([eE])([+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/
const EXPONENT_MAX = 100

export const QUANTITY_ERROR = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"

const SUFFIX_ERROR = "unable to parse quantity's suffix"
/** A number and letters of suffixes, in an order that means nothing. */
const SHAPE = /^[+-]?(\d+(\.\d*)?|\.\d+)[eEinumkKMGTP]+[-+]?\d*$/
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
  const match = PATTERN.exec(text)
  const [, sign, whole = '', fraction = '', exponentMark, exponentText, suffix = ''] = match ?? []
  if (match === null || (whole === '' && fraction === '')) throw new Error(SHAPE.test(text) ? SUFFIX_ERROR : QUANTITY_ERROR)
  const digits = BigInt(whole + fraction || '0')
  let magnitude: bigint
  let format: Quantity['format'] = 'DecimalSI'
  if (suffix in BINARY_SUFFIXES) {
    format = 'BinarySI'
    magnitude = scale(digits * (1n << BigInt(BINARY_SUFFIXES[suffix]!)), 9 - fraction.length)
    // Upstream counts bytes in 64 bits.
    if (magnitude > BINARY_MAX * NANO) magnitude = BINARY_MAX * NANO
  } else {
    const exponent = exponentMark === undefined ? DECIMAL_SUFFIXES[suffix]! : Number(exponentText)
    if (exponentMark !== undefined) format = 'DecimalExponent'
    if (Math.abs(exponent) > EXPONENT_MAX) throw new Error(QUANTITY_ERROR)
    magnitude = scale(digits, exponent + 9 - fraction.length)
  }
  return { nanos: sign === '-' ? -magnitude : magnitude, format }
}

export function isQuantity(text: string): boolean {
  if (known.has(text)) return true
  const match = PATTERN.exec(text)
  return match !== null && (match[2] !== '' || (match[3] ?? '') !== '')
}

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
  while (power < 18 && rest % 1000n === 0n) {
    rest /= 1000n
    power += 3
  }
  if (exponentForm) return power === 0 ? `${rest}` : `${rest}e${power}`
  const suffix = Object.keys(DECIMAL_SUFFIXES).find((each) => DECIMAL_SUFFIXES[each] === power) ?? ''
  return `${rest}${suffix}`
}

/** Canonical text of a quantity's text. */
export const canonicalQuantity = (text: string): string => formatQuantity(parseQuantity(text))

/** Thousandths, rounded up: what CPU is counted in. */
export const milliValue = (text: string | undefined): number =>
  text === undefined ? 0 : Number(ceilDivide(parseQuantity(text).nanos, 1_000_000n))

/** Whole units, rounded up: bytes, counts. */
export const quantityValue = (text: string | undefined): number =>
  text === undefined ? 0 : Number(ceilDivide(parseQuantity(text).nanos, NANO))

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
  const quotient = value / by
  return value > 0n && value % by !== 0n ? quotient + 1n : quotient
}
