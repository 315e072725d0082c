import { type FieldError, goFloat } from '#meta'
import { invalidValue } from '../../validation/findings.ts'
import type { Structural } from './structural.ts'

const INT32 = 2 ** 31
const INT64 = 2n ** 63n
const FLOAT32_MAX = 3.4028235677973366e38
const SAFE_MAX = 2 ** 53 - 1
const EPSILON = 1e-9

/** Whether Go would have read a number as an integer. JavaScript does not tell `1.0` from `1`. */
export const isInteger = (value: number | bigint): boolean =>
  typeof value === 'bigint' ? value >= -INT64 && value < INT64 : Number.isInteger(value) && Math.abs(value) < Number(INT64)

/** Whether a float is as good as an integer. */
export function isWhole(value: number): boolean {
  if (Math.abs(value) > SAFE_MAX || Number.isNaN(value)) return false
  const rounded = Math.round(value)
  return value === rounded || (rounded !== 0 && Math.abs(value - rounded) < EPSILON * Math.abs(rounded))
}

/**
 * What is wrong with a number. Upstream compares integers with a bound's integer part, unless the bound is out of range for the type, of which it then complains as
 * well; that belongs to no field.
 */
export function numberProblems(value: number | bigint, schema: Structural, path: string, format: string): FieldError[] {
  const type = schema['x-kubernetes-int-or-string'] ? '' : (schema.type ?? '')
  const range = new Range(type, type === 'integer' || type === 'number' ? format : '', path)
  const problems: FieldError[] = range.check(value, 'Checked')
  const say = (detail: string): FieldError => invalidValue(path, value, `${path} in body should be ${detail}`)
  const bounded = (bound: number, name: string, judge: (bound: number, asInteger: boolean) => FieldError | undefined): void => {
    const outside = range.check(bound, name)
    const found = judge(bound, outside.length === 0 && isInteger(value))
    problems.push(...outside, ...(found === undefined ? [] : [found]))
  }
  const { multipleOf, maximum, exclusiveMaximum, minimum, exclusiveMinimum } = schema
  if (multipleOf !== undefined) {
    bounded(multipleOf, 'MultipleOf', (bound, asInteger) => {
      const factor = asInteger ? int64Of(bound) : bound
      const text = textOf(factor, asInteger)
      if (factor <= 0) return invalidValue(path, factor, `factor MultipleOf declared for ${path} must be positive: ${text}`)
      return isMultiple(value, factor, asInteger) ? undefined : say(`a multiple of ${text}`)
    })
  }
  if (minimum !== undefined) {
    bounded(minimum, 'Minimum boundary', (bound, asInteger) => {
      const least = asInteger ? int64Of(bound) : bound
      if (exclusiveMinimum ? value > least : value >= least) return undefined
      return say(`greater than ${exclusiveMinimum ? '' : 'or equal to '}${textOf(least, asInteger)}`)
    })
  }
  if (maximum !== undefined) {
    bounded(maximum, 'Maximum boundary', (bound, asInteger) => {
      const most = asInteger ? int64Of(bound) : bound
      if (exclusiveMaximum ? value < most : value <= most) return undefined
      return say(`less than ${exclusiveMaximum ? '' : 'or equal to '}${textOf(most, asInteger)}`)
    })
  }
  return problems
}

/** As Go converts a float: what is too large becomes the smallest integer. */
const int64Of = (bound: number): number | bigint => (Math.abs(bound) < Number(INT64) ? Math.trunc(bound) : -INT64)

const textOf = (bound: number | bigint, asInteger: boolean): string => (asInteger ? `${bound}` : goFloat(Number(bound)))

/** Whether numbers can be of a type and format at all. */
class Range {
  readonly #type: string
  readonly #format: string
  readonly #path: string

  constructor(type: string, format: string, path: string) {
    this.#type = type
    this.#format = format
    this.#path = path
  }

  check(value: number | bigint, name: string): FieldError[] {
    if (this.#fits(value)) return []
    const format = this.#format === '' ? '(default format)' : `with format ${this.#format}`
    return [invalidValue('<nil>', '', `${name} value must be of type ${this.#type} ${format} in ${this.#path}`)]
  }

  #fits(value: number | bigint): boolean {
    if (this.#type === 'integer') return isInteger(value) && (this.#format !== 'int32' || (value >= -INT32 && value < INT32))
    return this.#type !== 'number' || this.#format !== 'float' || Math.abs(Number(value)) < FLOAT32_MAX
  }
}

function isMultiple(value: number | bigint, divisor: number | bigint, asInteger: boolean): boolean {
  if (asInteger) return BigInt(value) % BigInt(divisor) === 0n
  const [data, factor] = [Number(value), Number(divisor)]
  return isWhole(factor < 1 ? (1 / factor) * data : data / factor)
}
