import type { FieldError, FieldErrorReason } from '#meta'
import { NONE } from './names.ts'

/** What validators yield: upstream's field paths, order and wording. */
export type Findings = Iterable<FieldError>

const finding = (field: string, reason: FieldErrorReason, type: string, detail: string): FieldError => ({
  field,
  reason,
  message: detail === '' ? type : `${type}: ${detail}`,
})

/** Strings quoted, everything else as JSON. */
const show = (value: unknown): string => (value === undefined ? 'null' : JSON.stringify(value))

export const required = (field: string, detail = ''): FieldError => finding(field, 'FieldValueRequired', 'Required value', detail)

export const invalidValue = (field: string, value: unknown, detail: string): FieldError =>
  finding(field, 'FieldValueInvalid', `Invalid value: ${show(value)}`, detail)

/** Wrong as a whole, where showing the value says nothing. */
export const withoutValue = (field: string, detail: string): FieldError =>
  finding(field, 'FieldValueInvalid', 'Invalid value', detail)

export const forbid = (field: string, detail: string): FieldError => finding(field, 'FieldValueForbidden', 'Forbidden', detail)

export const duplicateValue = (field: string, value: unknown, detail = ''): FieldError =>
  finding(field, 'FieldValueDuplicate', `Duplicate value: ${show(value)}`, detail)

export const notFoundValue = (field: string, value: unknown): FieldError =>
  finding(field, 'FieldValueNotFound', `Not found: ${show(value)}`, '')

export const unsupported = (field: string, value: unknown, supported: readonly string[]): FieldError =>
  finding(
    field,
    'FieldValueNotSupported',
    `Unsupported value: ${show(value)}`,
    `supported values: ${supported.map((each) => JSON.stringify(each)).join(', ')}`,
  )

export const tooLong = (field: string, bytes: number): FieldError =>
  finding(field, 'FieldValueTooLong', 'Too long', `may not be more than ${bytes} bytes`)

export const tooMany = (field: string, actual: number, max: number): FieldError =>
  finding(field, 'FieldValueTooMany', `Too many: ${actual}`, `must have at most ${max} items`)

export const IMMUTABLE = 'field is immutable'
const NOT_NEGATIVE = 'must be greater than or equal to 0'

export const nonNegative = (value: number | undefined, field: string): Findings =>
  value === undefined || value >= 0 ? NONE : [invalidValue(field, value, NOT_NEGATIVE)]

export const within = (value: number | undefined, from: number, to: number, field: string): Findings =>
  value === undefined || (value >= from && value <= to)
    ? NONE
    : [invalidValue(field, value, `must be between ${from} and ${to}, inclusive`)]

/** One of `supported` (sorted), or a required value that is missing. */
export const oneOf = (value: string | undefined, supported: readonly string[], field: string): Findings =>
  value ? optionalOneOf(value, supported, field) : [required(field)]

/** As {@link oneOf} where absence is fine. */
export const optionalOneOf = (value: string | undefined, supported: readonly string[], field: string): Findings =>
  value === undefined || supported.includes(value) ? NONE : [unsupported(field, value, supported)]

/** Complaints about a text as findings about its field. */
export const complaints = (problems: Iterable<string>, value: unknown, field: string): Findings =>
  problems === NONE ? NONE : complained(problems, value, field)

function* complained(problems: Iterable<string>, value: unknown, field: string): Findings {
  for (const problem of problems) yield invalidValue(field, value, problem)
}

export const port = (value: number | undefined, field: string): Findings => within(value, 1, 65_535, field)
