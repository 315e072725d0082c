import { declare } from '../types/declarations.ts'
import { bool, double, int, opaque, string, type Type } from '../types/type.ts'
import { fail, noSuchOverload } from '../values/failure.ts'
import { Double, type Int, toInt } from '../values/number.ts'
import { Opaque } from '../values/opaque.ts'
import type { Value } from '../values/value.ts'
import { Amount, parseAmount } from './amount.ts'
import { parses } from './ip.ts'
import type { Library } from './library.ts'

const quantityType: Type = opaque('kubernetes.Quantity')

class Quantity extends Opaque {
  override readonly typeName = 'kubernetes.Quantity'
  readonly amount: Amount
  /** Whether it was added up: upstream then holds it by another type, which no quantity is equal to. */
  readonly isSum: boolean

  constructor(amount: Amount, isSum = false) {
    super()
    this.amount = amount
    this.isSum = isSum
  }

  override equals(other: Value): boolean {
    if (!(other instanceof Quantity)) return false
    return other.isSum ? noSuchOverload() : this.amount.compare(other.amount) === 0
  }
}

const parseQuantity = (text: string): Quantity => new Quantity(parseAmount(text))
const amountOf = (quantity: Value): Amount => (quantity as Quantity).amount
const ofInt = (value: Value): Amount => Amount.ofInt(BigInt(value as Int))
const plus = (a: Value, b: Amount): Quantity => new Quantity(amountOf(a).plus(b), true)
const minus = (a: Value, b: Amount): Quantity => new Quantity(amountOf(a).minus(b), true)
const compared = (a: Value, b: Value): number => amountOf(a).compare(amountOf(b))

function asInteger(quantity: Value): Int {
  const integer = amountOf(quantity).integer
  return integer === undefined ? fail('cannot convert value to integer') : toInt(integer)
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
      functions: [['quantity_sign', [quantityType], int, (quantity) => amountOf(quantity).sign]],
    }),
    declare('isInteger', {
      members: [['quantity_is_integer', [quantityType], bool, (quantity) => amountOf(quantity).integer !== undefined]],
    }),
    declare('asInteger', { members: [['quantity_get_int', [quantityType], int, asInteger]] }),
    declare('asApproximateFloat', {
      members: [['quantity_get_float', [quantityType], double, (quantity) => new Double(amountOf(quantity).approximate)]],
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
        ['quantity_add', [quantityType, quantityType], quantityType, (a, b) => plus(a, amountOf(b))],
        ['quantity_add_int', [quantityType, int], quantityType, (a, b) => plus(a, ofInt(b))],
      ],
    }),
    declare('sub', {
      members: [
        ['quantity_sub', [quantityType, quantityType], quantityType, (a, b) => minus(a, amountOf(b))],
        ['quantity_sub_int', [quantityType, int], quantityType, (a, b) => minus(a, ofInt(b))],
      ],
    }),
  ],
}
