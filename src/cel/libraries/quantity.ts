import { declare } from '../types/declarations.ts'
import { bool, double, int, opaque, string, type Type } from '../types/type.ts'
import { fail } from '../values/failure.ts'
import { Double, type Int, toInt } from '../values/number.ts'
import { Opaque } from '../values/opaque.ts'
import type { Value } from '../values/value.ts'
import { parses } from './ip.ts'
import type { Library } from './library.ts'

const quantityType: Type = opaque('kubernetes.Quantity')

const NANO = 1_000_000_000n
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const BINARY: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n }
const PATTERN = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/
const DIGITS_MAX = 1_000
const INT_MAX = (1n << 63n) - 1n

/** Digits that upstream counts fast: a number of more is kept in another form, which is never an integer to it. */
const DECIMAL_DIGITS = 18
const BINARY_DIGITS = 15

/** An exact amount in units of 1e-9, which is as fine as resource.Quantity is. */
class Quantity extends Opaque {
  override readonly typeName = 'kubernetes.Quantity'
  readonly nanos: bigint
  /** The power of ten that its last digit stands for, as it was written or added up; undefined in upstream's slow form. */
  readonly scale: number | undefined

  constructor(nanos: bigint, scale: number | undefined) {
    super()
    this.nanos = nanos
    this.scale = scale
  }

  /** Whether upstream takes it for one: `2.0` and `1000m` have digits behind the point, `1.5Gi` and what has 19 digits are in the slow form. */
  get isInteger(): boolean {
    return (
      this.scale !== undefined &&
      this.scale >= 0 &&
      this.nanos % NANO === 0n &&
      this.nanos / NANO <= INT_MAX &&
      this.nanos / NANO >= -INT_MAX - 1n
    )
  }

  compare(other: Quantity): number {
    return this.nanos < other.nanos ? -1 : this.nanos > other.nanos ? 1 : 0
  }

  override equals(other: Value): boolean {
    return other instanceof Quantity && other.nanos === this.nanos
  }
}

/** Finer digits round up, away from zero, as upstream's parser does. */
function parseQuantity(text: string): Quantity {
  const invalid = (): never => fail("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
  const match = PATTERN.exec(text)
  if (match === null || text.length > DIGITS_MAX) return invalid()
  const [, sign, whole = '', fraction = '', exponent, suffix = ''] = match
  if (whole === '' && fraction === '') return invalid()
  if (exponent !== undefined && Math.abs(Number(exponent)) > DIGITS_MAX) return invalid()
  const binary = BINARY[suffix]
  const digits = BigInt(whole + fraction || '0') * (binary === undefined ? 1n : 1n << binary)
  const power = 9 - fraction.length + (exponent === undefined ? (DECIMAL[suffix] ?? 0) : Number(exponent))
  const size = power >= 0 ? digits * 10n ** BigInt(power) : ceilDivide(digits, 10n ** BigInt(-power))
  const scale = scaleOf(
    whole.replace(/^0+(?=.)/, '') || '0',
    fraction,
    binary,
    exponent === undefined ? DECIMAL[suffix] : Number(exponent),
  )
  return new Quantity(sign === '-' ? -size : size, scale)
}

function scaleOf(whole: string, fraction: string, binary: bigint | undefined, power = 0): number | undefined {
  if (binary !== undefined) {
    const digits = whole.length + Math.trunc((Number(binary) * 3) / 10) + 1
    return fraction === '' && digits <= BINARY_DIGITS ? 0 : undefined
  }
  const scale = power - fraction.length
  return whole.length + fraction.length <= DECIMAL_DIGITS && scale >= -9 ? scale : undefined
}

/** The finer of two scales, where the sum can be counted in it. */
function commonScale(a: Quantity, b: Quantity, sum: bigint): number | undefined {
  if (a.scale === undefined || b.scale === undefined) return undefined
  if (b.nanos === 0n) return a.scale
  if (a.nanos === 0n) return b.scale
  const scale = Math.min(a.scale, b.scale)
  const unit = 10n ** BigInt(scale + 9)
  return [a.nanos, b.nanos, sum].every((each) => each / unit <= INT_MAX && each / unit >= -INT_MAX - 1n) ? scale : undefined
}

const ceilDivide = (value: bigint, by: bigint): bigint => (value + by - 1n) / by

const ofInt = (value: Value): Quantity => new Quantity(BigInt(value as Int) * NANO, 0)

function plus(a: Value, b: Quantity): Quantity {
  const sum = (a as Quantity).nanos + b.nanos
  return new Quantity(sum, commonScale(a as Quantity, b, sum))
}

const minus = (a: Value, b: Quantity): Quantity => plus(a, new Quantity(-b.nanos, b.scale))
const compared = (a: Value, b: Value): number => (a as Quantity).compare(b as Quantity)

function asInteger(quantity: Value): Int {
  const { nanos, isInteger } = quantity as Quantity
  return isInteger ? toInt(nanos / NANO) : fail('cannot convert value to integer')
}

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-quantity-library */
export const quantityLibrary: Library = {
  name: 'kubernetes.quantity',
  types: { 'kubernetes.Quantity': quantityType },
  functions: [
    declare('quantity', { functions: [['string_to_quantity', [string], quantityType, (text) => parseQuantity(text as string)]] }),
    declare('isQuantity', { functions: [['is_quantity_string', [string], bool, parses(parseQuantity)]] }),
    // Upstream declares it as a function, though its documentation shows a method.
    declare('sign', {
      functions: [['quantity_sign', [quantityType], int, (quantity) => compared(quantity, new Quantity(0n, 0))]],
    }),
    declare('isInteger', {
      members: [['quantity_is_integer', [quantityType], bool, (quantity) => (quantity as Quantity).isInteger]],
    }),
    declare('asInteger', { members: [['quantity_get_int', [quantityType], int, asInteger]] }),
    declare('asApproximateFloat', {
      members: [
        ['quantity_get_float', [quantityType], double, (quantity) => new Double(Number((quantity as Quantity).nanos) / 1e9)],
      ],
    }),
    declare('isGreaterThan', {
      members: [['quantity_is_greater_than', [quantityType, quantityType], bool, (a, b) => compared(a, b) > 0]],
    }),
    declare('isLessThan', {
      members: [['quantity_is_less_than', [quantityType, quantityType], bool, (a, b) => compared(a, b) < 0]],
    }),
    declare('compareTo', { members: [['quantity_compare_to', [quantityType, quantityType], int, compared]] }),
    declare('add', {
      members: [
        ['quantity_add', [quantityType, quantityType], quantityType, (a, b) => plus(a, b as Quantity)],
        ['quantity_add_int', [quantityType, int], quantityType, (a, b) => plus(a, ofInt(b))],
      ],
    }),
    declare('sub', {
      members: [
        ['quantity_sub', [quantityType, quantityType], quantityType, (a, b) => minus(a, b as Quantity)],
        ['quantity_sub_int', [quantityType, int], quantityType, (a, b) => minus(a, ofInt(b))],
      ],
    }),
  ],
}
