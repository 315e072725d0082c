import { fail } from '../values/failure.ts'

const INT_MAX = (1n << 63n) - 1n
const INT_MIN = -(1n << 63n)
const fits = (value: bigint): boolean => value <= INT_MAX && value >= INT_MIN

/** The finest digit that is kept. */
const NANO = -9

/**
 * A decimal amount: `units` times ten to the power of `scale`, as it was written or added up. Upstream counts in 64 bits while it can and in numbers of any
 * size from then on, which shows: in the latter form nothing is an integer.
 */
export class Amount {
  readonly units: bigint
  readonly scale: number
  readonly isBig: boolean

  constructor(units: bigint, scale: number, isBig: boolean) {
    this.units = units
    this.scale = scale
    this.isBig = isBig
  }

  static ofInt(value: bigint): Amount {
    return new Amount(value, 0, false)
  }

  get sign(): number {
    return this.units > 0n ? 1 : this.units < 0n ? -1 : 0
  }

  /** `2.0` and `1000m` are none, having digits behind the point. */
  get integer(): bigint | undefined {
    if (this.isBig || this.scale < 0) return undefined
    const value = this.#unitsAt(0)
    return fits(value) ? value : undefined
  }

  /** The product of two doubles, each of which may be rounded. */
  get approximate(): number {
    return this.scale === 0 ? Number(this.units) : Number(this.units) * powerOfTen(this.scale)
  }

  compare(other: Amount): number {
    const scale = Math.min(this.scale, other.scale)
    const [a, b] = [this.#unitsAt(scale), other.#unitsAt(scale)]
    return a < b ? -1 : a > b ? 1 : 0
  }

  plus(other: Amount): Amount {
    if (this.isBig || other.isBig) return this.#sum(other, true)
    if (other.units === 0n) return this
    if (this.units === 0n) return other
    const scale = Math.min(this.scale, other.scale)
    const sum = this.#sum(other, false)
    return [this.#unitsAt(scale), other.#unitsAt(scale), sum.units].every(fits) ? sum : this.#sum(other, true)
  }

  /** In 64 bits the least number is its own opposite. */
  minus(other: Amount): Amount {
    const opposite = new Amount(-other.units, other.scale, other.isBig)
    if (this.isBig || other.isBig) return this.#sum(opposite, true)
    const wrapped = this.plus(new Amount(BigInt.asIntN(64, -other.units), other.scale, false))
    return wrapped.isBig ? this.#sum(opposite, true) : wrapped
  }

  #sum(other: Amount, isBig: boolean): Amount {
    const scale = Math.min(this.scale, other.scale)
    return new Amount(this.#unitsAt(scale) + other.#unitsAt(scale), scale, isBig)
  }

  /** `scale` is no coarser than its own. */
  #unitsAt(scale: number): bigint {
    return this.units * 10n ** BigInt(this.scale - scale)
  }
}

/** Ten to a power as Go's math.Pow10 has it, from two tables. */
function powerOfTen(power: number): number {
  if (power > 308) return Infinity
  if (power < -323) return 0
  const size = Math.abs(power)
  const [great, small] = [size - (size % 32), size % 32]
  return power < 0 ? Number(`1e-${great}`) / Number(`1e${small}`) : Number(`1e${great}`) * Number(`1e${small}`)
}

const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const BINARY: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 }
const PATTERN = /^([+-]?)0*(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)$/

/** What is longer, or has a greater exponent, is refused: upstream would count on. */
const DIGITS_MAX = 1_000

/** Digits that upstream counts in 64 bits. */
const DECIMAL_DIGITS = 18
const BINARY_DIGITS = 15

const NUMERIC = 'unable to parse numeric part of quantity'
const SUFFIX = "unable to parse quantity's suffix"

/** Reads a quantity; no digits at all are zero. Fails with upstream's sentences. */
export function parseAmount(text: string): Amount {
  const match = text === '' || text.length > DIGITS_MAX ? null : PATTERN.exec(text)
  if (match === null) return fail("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
  const [, sign, digits = '', fraction = '', suffix = ''] = match
  const whole = digits === '' ? '0' : digits
  const size = Object.hasOwn(BINARY, suffix)
    ? ofBinary(whole, fraction, BINARY[suffix]!)
    : ofDecimal(whole, fraction, exponentOf(suffix))
  const written = whole + fraction
  if (size.isBig && written === '0' && !/\d/.test(text.slice(0, text.length - suffix.length))) return fail(NUMERIC)
  return sign === '-' ? new Amount(-size.units, size.scale, size.isBig) : size
}

function exponentOf(suffix: string): number {
  if (Object.hasOwn(DECIMAL, suffix)) return DECIMAL[suffix]!
  const exponent = /^[eE]([+-]?\d+)$/.exec(suffix)?.[1]
  if (exponent === undefined || !fits(BigInt(exponent.replace(/^\+/, '')))) return fail(SUFFIX)
  const power = Number(BigInt.asIntN(32, BigInt(exponent.replace(/^\+/, ''))))
  return Math.abs(power) > DIGITS_MAX ? fail(SUFFIX) : power
}

function ofDecimal(whole: string, fraction: string, power: number): Amount {
  const scale = power - fraction.length
  const units = BigInt(whole + fraction)
  if (whole.length + fraction.length <= DECIMAL_DIGITS && scale >= NANO) return new Amount(units, scale, false)
  return inNanos(units, scale)
}

function ofBinary(whole: string, fraction: string, bits: number): Amount {
  const units = BigInt(whole + fraction) << BigInt(bits)
  const digits = whole.length + Math.trunc((bits * 3) / 10) + 1
  if (fraction === '' && digits <= BINARY_DIGITS) return new Amount(units, 0, false)
  const size = inNanos(units, -fraction.length)
  const most = new Amount(INT_MAX, 0, true)
  return size.compare(most) > 0 ? most : size
}

/** Finer digits round up, away from zero. */
function inNanos(units: bigint, scale: number): Amount {
  if (units === 0n) return new Amount(0n, scale, true)
  const power = scale - NANO
  if (power >= 0) return new Amount(units * 10n ** BigInt(power), NANO, true)
  const by = 10n ** BigInt(-power)
  return new Amount((units + by - 1n) / by, NANO, true)
}
